package polyphony.activities.lm.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.lm.Device;

class TorchCeilingsTest {
  private static final Duration SHORT = Duration.ofMillis(50);

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void productsTakeTheTimeOfTheirOperations(boolean bfloat16) {
    // No core does a million nor a hundred million million operations a second.
    assertThat(TorchCeilings.multiplications(Device.CPU, bfloat16, 128, SHORT))
        .isBetween(1e6, 1e14);
  }

  @ParameterizedTest
  @ValueSource(longs = {1 << 20, 16 << 20})
  void copiesTakeTheTimeOfTheirBytes(long bytes) {
    assertThat(TorchCeilings.copiedBytes(Device.CPU, bytes, SHORT)).isBetween(1e7, 1e13);
  }
}
