package polyphony.workers.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * Every fault once, on real servers: the experiment ends in the weights of an undisturbed one, and
 * nothing finished is done again.
 */
@DisabledOnOs(OS.WINDOWS)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ChaosServerIT {
  /** Most of a trial is waiting until a loss is noticed. */
  private static final int PARALLEL = 2;

  private static final long LIMIT_MINUTES = 15;

  private ChaosSuite suite;

  @TestFactory
  Stream<DynamicTest> whateverGoesWrongNothingFinishedIsLostOrDoneAgain() throws Exception {
    // Kept where a trial fails, since its logs say why.
    Path folder = Files.createDirectories(Path.of("target", "chaos").toAbsolutePath());
    suite =
        new ChaosSuite(
            Program.ofThisProcess(Path.of("..", "deploy", "servers")),
            Files.createTempDirectory(folder, "run-"),
            PARALLEL,
            System.err::println);
    Reference reference = suite.undisturbed();
    assertThat(reference.work().answers()).isPositive();
    assertThat(reference.work().trainingSteps()).isPositive();
    assertThat(reference.reports()).hasSize(2);
    List<Fault> faults = Fault.all();
    List<Future<Outcome>> outcomes = suite.begin(faults, 1, reference);
    List<DynamicTest> tests = new ArrayList<>();
    for (int i = 0; i < faults.size(); i++) {
      Future<Outcome> outcome = outcomes.get(i);
      tests.add(
          DynamicTest.dynamicTest(
              faults.get(i).name(),
              () -> {
                Outcome ended = outcome.get(LIMIT_MINUTES, TimeUnit.MINUTES);
                assertThat(ended.problems()).isEmpty();
                assertThat(ended.secondsToProgress()).isNotNull();
              }));
    }
    return tests.stream();
  }

  @AfterAll
  void close() {
    suite.close();
  }
}
