package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import polyphony.storage.PolyphonyException;

class PatienceTest {
  private final List<String> said = new ArrayList<>();
  private final List<Duration> pauses = new ArrayList<>();
  private final Patience endless =
      Patience.endless(
          said::add,
          pause -> {
            pauses.add(pause);
            return pauses.size() < 50;
          });

  @Test
  void aMachineThatIsAwayIsWaitedForAndNamedOnce() throws InterruptedException {
    Optional<String> found =
        endless.until(failing(12, PolyphonyException.infrastructure("nothing answers", null)));
    assertThat(found).contains("there");
    assertThat(said).containsExactly("nothing answers");
    assertThat(pauses)
        .hasSize(12)
        .startsWith(Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(4))
        .endsWith(Duration.ofSeconds(30))
        .allMatch(pause -> pause.compareTo(Duration.ofSeconds(30)) <= 0);
  }

  @Test
  void aNamespaceMayHaveYetToBeMade() throws InterruptedException {
    assertThat(endless.until(failing(1, new MissingNamespaceException("no namespace"))))
        .contains("there");
    assertThat(said).containsExactly("no namespace");
  }

  @Test
  void wrongCredentialsAreNoReasonToWait() {
    assertThatThrownBy(() -> endless.until(failing(1, PolyphonyException.config("access denied"))))
        .hasMessage("access denied");
    assertThat(pauses).isEmpty();
    assertThat(said).isEmpty();
  }

  @Test
  void whoIsAskedToStopWaitsNoLonger() throws InterruptedException {
    assertThat(endless.until(failing(1000, PolyphonyException.infrastructure("away", null))))
        .isEmpty();
    assertThat(pauses).hasSize(50);
  }

  @Test
  void somebodyWhoWaitsIsNotKeptForWhatOnlyAPersonCanMend() {
    assertThatThrownBy(
            () ->
                Patience.brief(Duration.ofDays(1))
                    .until(failing(1, new MissingNamespaceException("no namespace"))))
        .hasMessage("no namespace");
    assertThatThrownBy(
            () ->
                Patience.brief(Duration.ZERO)
                    .until(failing(1, PolyphonyException.infrastructure("away", null))))
        .hasMessage("away");
  }

  private static Supplier<String> failing(int times, PolyphonyException failure) {
    List<Integer> attempts = new ArrayList<>();
    return () -> {
      attempts.add(attempts.size());
      if (attempts.size() <= times) {
        throw failure;
      }
      return "there";
    };
  }
}
