package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import polyphony.storage.PolyphonyException;

class ServiceMonitorTest {
  private final List<String> said = new ArrayList<>();
  private final List<String> done = new ArrayList<>();
  private boolean away;
  private long seconds;

  @Test
  void aServiceIsToldOfOnceWhenItIsLostAndOnceWhenItIsBack() {
    try (ServiceMonitor monitor =
        new ServiceMonitor(
            List.of(
                new ServiceMonitor.Service(
                    "the store",
                    () -> {
                      if (away) {
                        throw PolyphonyException.infrastructure("the store: nothing answers", null);
                      }
                    },
                    "no new work is taken",
                    () -> done.add("suspended"),
                    () -> done.add("resumed"))),
            said::add,
            () -> TimeUnit.SECONDS.toNanos(seconds))) {
      monitor.look();
      assertThat(said).isEmpty();
      away = true;
      monitor.look();
      seconds = 90;
      monitor.look();
      assertThat(said).containsExactly("lost: the store: nothing answers; no new work is taken");
      assertThat(done).containsExactly("suspended");
      away = false;
      monitor.look();
      monitor.look();
      assertThat(said).hasSize(2).last().isEqualTo("the store is back after 1:30");
      assertThat(done).containsExactly("suspended", "resumed");
    }
  }
}
