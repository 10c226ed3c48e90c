package polyphony.workers.isolation;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class ChildEndTest {
  private static PolyphonyException end(int status, OptionalLong killedForMemory) {
    return new ChildEnd(
            "train-critic", 4711, status, Path.of("nowhere"), killedForMemory, Optional.empty())
        .failure();
  }

  @Test
  void whomTheKernelKilledForMemoryLackedIt() {
    PolyphonyException failure = end(137, OptionalLong.of(1));
    assertThat(failure.errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY);
    assertThat(failure)
        .hasMessage(
            "train-critic: its process 4711 was killed by signal 9 (SIGKILL), likely out of memory:"
                + " give the worker more memory, or lower batchSize or slots");
  }

  @Test
  void whereTheKernelDoesNotTellAKillIsTakenForOne() {
    assertThat(end(137, OptionalLong.empty()).errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY);
  }

  @Test
  void whomAPersonKilledDidNot() {
    PolyphonyException failure = end(137, OptionalLong.of(0));
    assertThat(failure.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
    assertThat(failure).hasMessageContaining("by a person or program");
  }

  @Test
  void otherSignalsAreCrashes() {
    for (int signal : new int[] {4, 6, 7, 8, 11, 31}) {
      PolyphonyException failure = end(128 + signal, OptionalLong.of(1));
      assertThat(failure.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE);
      assertThat(failure).hasMessageContaining("ended by signal " + signal);
    }
  }
}
