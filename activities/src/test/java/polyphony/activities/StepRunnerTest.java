package polyphony.activities;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.workflows.InvalidSpecException;

class StepRunnerTest {
  private static final Map<String, String> VERSIONS = Map.of("runtime", "1");

  @TempDir Path temporary;

  private TestActivityEnvironment environment;
  private StepRunner runner;
  private DeviceSlots slots;
  private final List<RunningStep> beats = new CopyOnWriteArrayList<>();

  @ActivityInterface
  public interface Probe {
    @ActivityMethod(name = "probe")
    String probe(String input);
  }

  /** One step, run by a real runner. */
  private final class ProbeStep implements Probe {
    private final StepRunner.Body<String> body;
    private final Map<String, String> versions;

    ProbeStep(Map<String, String> versions, StepRunner.Body<String> body) {
      this.versions = versions;
      this.body = body;
    }

    @Override
    public String probe(String input) {
      StepRunner.Ended<String> ended =
          runner.heavy(new Step("probe", 1, input), input, versions, String.class, body);
      return ended.finished() + (ended.report().reused() ? " reused" : "");
    }
  }

  @BeforeEach
  void anEnvironment() {
    slots = new DeviceSlots(1);
    runner =
        new StepRunner(new StoreInFolder(temporary).steps, slots, VERSIONS, Duration.ofMillis(20));
    environment = TestActivityEnvironment.newInstance();
    environment.setActivityHeartbeatListener(RunningStep.class, beats::add);
  }

  @AfterEach
  void close() {
    environment.close();
    runner.close();
  }

  private Probe probe(StepRunner.Body<String> body) {
    return probe(VERSIONS, body);
  }

  private Probe probe(Map<String, String> versions, StepRunner.Body<String> body) {
    environment.registerActivitiesImplementations(new ProbeStep(versions, body));
    return environment.newActivityStub(Probe.class);
  }

  private static ApplicationFailure failure(Probe probe) {
    Throwable thrown = catchThrowable(() -> probe.probe("x"));
    assertThat(thrown).isInstanceOf(ActivityFailure.class);
    assertThat(thrown.getCause()).isInstanceOf(ApplicationFailure.class);
    return (ApplicationFailure) thrown.getCause();
  }

  @Test
  void everyErrorClassIsTheFailuresType() {
    for (ErrorClass errorClass : ErrorClass.values()) {
      ApplicationFailure failure =
          failure(
              probe(
                  (attempt, progress) -> {
                    throw new PolyphonyException(errorClass, "what is wrong\nand a stack trace");
                  }));
      assertThat(failure.getType()).isEqualTo(errorClass.name());
      assertThat(failure.getOriginalMessage()).isEqualTo("what is wrong");
      assertThat(failure.isNonRetryable()).isEqualTo(!errorClass.retryable());
      environment.close();
      environment = TestActivityEnvironment.newInstance();
    }
  }

  @Test
  void errorsThatNobodyForesawAreBugs() {
    ApplicationFailure failure =
        failure(
            probe(
                (attempt, progress) -> {
                  throw new IllegalStateException("boom");
                }));
    assertThat(failure.getType()).isEqualTo("BUG");
    assertThat(failure.getOriginalMessage()).isEqualTo("java.lang.IllegalStateException: boom");
    assertThat(failure.isNonRetryable()).isTrue();
  }

  @Test
  void memoryIsAClassOfItsOwn() {
    ApplicationFailure failure =
        failure(
            probe(
                (attempt, progress) -> {
                  throw new OutOfMemoryError("Java heap space");
                }));
    assertThat(failure.getType()).isEqualTo("OUT_OF_MEMORY");
    assertThat(failure.isNonRetryable()).isFalse();
  }

  @Test
  void anInvalidSpecIsAConfigurationError() {
    ApplicationFailure failure =
        failure(
            probe(
                (attempt, progress) -> {
                  throw new InvalidSpecException(List.of("agents is 99, allowed: 1 to 16"));
                }));
    assertThat(failure.getType()).isEqualTo("CONFIG");
    assertThat(failure.getOriginalMessage()).isEqualTo("agents is 99, allowed: 1 to 16");
  }

  @Test
  void aFinishedStepIsReusedWithoutADevice() throws Exception {
    Probe probe = probe((attempt, progress) -> Optional.of("done"));
    assertThat(probe.probe("x")).isEqualTo("done");
    Optional<String> again = slots.compute(() -> false, () -> Optional.of(probe.probe("x")));
    assertThat(again).contains("done reused");
  }

  @Test
  void workOfOtherVersionsIsNotRecordedUnderARequestsKey() {
    ApplicationFailure failure =
        failure(probe(Map.of("runtime", "2"), (attempt, progress) -> Optional.of("done")));
    assertThat(failure.getType()).isEqualTo("CONFIG");
    assertThat(failure.getOriginalMessage()).contains("{runtime=2}").contains("{runtime=1}");
  }

  @Test
  void heartbeatsTellHowFarAStepIs() {
    Probe probe =
        probe(
            (attempt, progress) -> {
              progress.report(3, 7);
              RunningStep expected = new RunningStep("probe", "x", 3, 7);
              assertThat(runner.running()).containsExactly(expected);
              while (!beats.contains(expected)) {
                Thread.sleep(5);
              }
              return Optional.of("done");
            });
    assertThat(probe.probe("x")).isEqualTo("done");
    assertThat(runner.running()).isEmpty();
  }

  @Test
  void aCancellationStopsTheStep() {
    Probe probe =
        probe(
            (attempt, progress) -> {
              environment.requestCancelActivity();
              while (!attempt.stopRequested()) {
                Thread.sleep(5);
              }
              return Optional.empty();
            });
    assertThat(catchThrowable(() -> probe.probe("x")))
        .isInstanceOfAny(CanceledFailure.class, ActivityFailure.class)
        .satisfies(
            thrown ->
                assertThat(thrown instanceof CanceledFailure ? thrown : thrown.getCause())
                    .isInstanceOf(CanceledFailure.class));
  }

  @Test
  void aCancellationEndsTheWaitForADevice() throws Exception {
    Optional<String> waited =
        slots.compute(
            () -> false, () -> slots.compute(() -> true, () -> Optional.of("not reached")));
    assertThat(waited).isEmpty();
    assertThat(slots.compute(() -> false, () -> Optional.of("free again"))).isPresent();
  }
}
