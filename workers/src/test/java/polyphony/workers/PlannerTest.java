package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.Arithmetic;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Worker;
import polyphony.workflows.ExperimentSpec;

class PlannerTest {
  @TempDir private Path folder;

  @Test
  void aForecastThatNobodyWaitsForIsGivenUpAndLeavesNothingBehind() throws Exception {
    Settings settings = Settings.of(Map.of(), 2);
    try (StoreAccess access = StoreAccess.open(settings, folder.resolve("store"))) {
      Planner planner =
          new Planner(access, Worker.here("cpu", Map.of()), Map.of(), Arithmetic.CPU, 2);
      assertThatThrownBy(() -> planner.forecast("mine", ExperimentSpec.empty(), () -> true))
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE))
          .hasMessageContaining("planning mine was given up");
      assertThat(access.objects().list("experiments/")).isEmpty();
      try (Stream<Path> left = Files.list(access.work().resolve("plans"))) {
        assertThat(left).isEmpty();
      }
    }
  }
}
