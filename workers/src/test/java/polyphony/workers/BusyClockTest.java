package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class BusyClockTest {
  private final AtomicLong now = new AtomicLong();
  private final BusyClock clock = new BusyClock(now::get);

  @Test
  void overlappingWorkCountsOnce() {
    at(10, clock::begin);
    at(20, clock::begin);
    at(30, clock::end);
    at(40, clock::end);
    assertThat(clock.idleShare(0, 100)).isEqualTo(0.7, within(1e-12));
  }

  @Test
  void gapsAreIdle() {
    at(0, clock::begin);
    at(25, clock::end);
    at(75, clock::begin);
    at(100, clock::end);
    assertThat(clock.idleShare(0, 100)).isEqualTo(0.5, within(1e-12));
  }

  @Test
  void workOutsideTheRangeDoesNotCount() {
    at(0, clock::begin);
    at(60, clock::end);
    at(90, clock::begin);
    at(200, clock::end);
    assertThat(clock.idleShare(50, 100)).isEqualTo(0.6, within(1e-12));
  }

  @Test
  void workUnderWayCounts() {
    at(50, clock::begin);
    assertThat(clock.idleShare(0, 100)).isEqualTo(0.5, within(1e-12));
  }

  @Test
  void nothingAtAllIsAllIdle() {
    assertThat(clock.idleShare(0, 100)).isEqualTo(1.0);
    assertThat(clock.idleShare(100, 100)).isEqualTo(0.0);
  }

  private void at(long time, Runnable event) {
    now.set(time);
    event.run();
  }
}
