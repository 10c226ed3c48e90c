package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RemainingWorkTest {
  private final RemainingWork rest = new RemainingWork(Reports.spec());

  @Test
  void theShareDoneNeverFallsOverARun() {
    double last = 0;
    for (int iteration = 0; iteration <= 3; iteration++) {
      List<String> phases =
          iteration == 0
              ? List.of(
                  "start", "debate for evaluation", "vote for evaluation", "evaluate", "record")
              : List.of(
                  "debate",
                  "vote",
                  "split",
                  "train",
                  "debate for evaluation",
                  "vote for evaluation",
                  "evaluate",
                  "record");
      for (String phase : phases) {
        for (double share : new double[] {0, 0.5, 1}) {
          boolean counted =
              phase.startsWith("debate") || List.of("train", "evaluate").contains(phase);
          double done = rest.done(iteration, phase, counted ? share : 0);
          assertThat(done).as("%s of iteration %d", phase, iteration).isBetween(last, 1.0);
          last = done;
        }
      }
    }
    assertThat(last).isEqualTo(1.0, within(1e-12));
    assertThat(rest.done(3, "done", 0)).isEqualTo(1.0);
    assertThat(rest.done(0, "start", 0)).isZero();
  }

  @Test
  void theRestTakesAsLongAsTheSpeedSays() {
    assertThat(rest.left(0, "debate for evaluation", 0, Duration.ZERO)).isEmpty();
    assertThat(rest.left(0, "debate for evaluation", 0.1, Duration.ofSeconds(1))).isEmpty();
    Optional<Duration> left = rest.left(0, "debate for evaluation", 0.5, Duration.ofSeconds(20));
    double done = rest.done(0, "debate for evaluation", 0.5);
    assertThat(left.orElseThrow().toMillis() / 1000.0)
        .isCloseTo(20 * (1 - done) / done, within(0.01));
  }

  @Test
  void whereNothingMovesNothingIsPromised() {
    rest.left(1, "train", 0.5, Duration.ZERO);
    assertThat(rest.left(1, "train", 0.5, Duration.ofSeconds(60))).isEmpty();
  }

  @Test
  void speedIsThatOfTheLastSeconds() {
    Speed speed = new Speed();
    assertThat(speed.perSecond(Duration.ZERO, 0)).isZero();
    assertThat(speed.perSecond(Duration.ofSeconds(2), 100)).isEqualTo(50);
    speed.perSecond(Duration.ofSeconds(10), 100);
    speed.perSecond(Duration.ofSeconds(20), 1100);
    assertThat(speed.perSecond(Duration.ofSeconds(21), 1200)).isEqualTo(100);
  }
}
