package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class NativeFloatsTest {
  @Test
  void startAtZeroAndKeepWhatIsWritten() {
    try (NativeFloats floats = NativeFloats.of(3, 1000)) {
      assertThat(floats.values().remaining()).isEqualTo(3000);
      assertThat(floats.values().get(2999)).isZero();
      floats.values().put(2999, 1.5f);
      assertThat(floats.values().get(2999)).isEqualTo(1.5f);
    }
  }

  @Test
  void doNotCountAsDirectBuffers() {
    long before = directBytes();
    try (NativeFloats floats = NativeFloats.of(1 << 20)) {
      assertThat(floats.values().remaining()).isEqualTo(1 << 20);
      assertThat(directBytes()).isEqualTo(before);
    }
  }

  @Test
  void whatIsNotThereIsOutOfMemory() {
    assertThatThrownBy(() -> NativeFloats.of(1L << 59))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY))
        .hasMessageContaining("use adapters of a lower rank");
  }

  private static long directBytes() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }
}
