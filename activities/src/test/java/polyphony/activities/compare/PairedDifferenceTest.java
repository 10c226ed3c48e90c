package polyphony.activities.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PairedDifferenceTest {
  private static boolean[] answers(String rightAndWrong) {
    boolean[] answers = new boolean[rightAndWrong.length()];
    for (int i = 0; i < answers.length; i++) {
      answers[i] = rightAndWrong.charAt(i) == '+';
    }
    return answers;
  }

  private static boolean[] drawn(int questions, double share, SplittableRandom random) {
    boolean[] answers = new boolean[questions];
    for (int i = 0; i < questions; i++) {
      answers[i] = random.nextDouble() < share;
    }
    return answers;
  }

  @Test
  void onlyQuestionsOnWhichTheTwoDifferCount() {
    // Differences 0, 1, 1, -1, 0: mean 0.2, sample variance (3 - 5 * 0.04) / 4 = 0.7.
    PairedDifference paired =
        PairedDifference.of(List.of(answers("+++--")), List.of(answers("+--+-")));
    assertThat(paired.difference()).isEqualTo(0.2, within(1e-12));
    assertThat(paired.standardError()).isEqualTo(Math.sqrt(0.7 / 5), within(1e-12));
    assertThat(paired.standardErrors()).isEqualTo(0.2 / Math.sqrt(0.14), within(1e-12));
    assertThat(paired.questions()).isEqualTo(5);
  }

  @Test
  void seedsArePooledAndListed() {
    PairedDifference paired =
        PairedDifference.of(
            List.of(answers("++"), answers("+-")), List.of(answers("--"), answers("++")));
    assertThat(paired.bySeed()).containsExactly(1.0, -0.5);
    assertThat(paired.difference()).isEqualTo(0.25, within(1e-12));
    assertThat(paired.questions()).isEqualTo(4);
  }

  @Test
  void equalAnswersAreUndecided() {
    PairedDifference paired =
        PairedDifference.of(List.of(answers("+-+-")), List.of(answers("+-+-")));
    assertThat(paired.difference()).isZero();
    assertThat(paired.standardErrors()).isZero();
    assertThat(paired.undecided()).isTrue();
  }

  @Test
  void theIntervalIsAsWideAsTheStandardErrorSays() {
    SplittableRandom random = new SplittableRandom(1);
    PairedDifference paired =
        PairedDifference.of(List.of(drawn(2000, 0.8, random)), List.of(drawn(2000, 0.7, random)));
    assertThat(paired.undecided()).isFalse();
    assertThat((paired.high() - paired.low()) / (2 * 1.96 * paired.standardError()))
        .isBetween(0.9, 1.1);
    assertThat(paired.difference()).isBetween(paired.low(), paired.high());
  }

  @Test
  void seedsThatContradictEachOtherWidenTheInterval() {
    SplittableRandom random = new SplittableRandom(2);
    PairedDifference paired =
        PairedDifference.of(
            List.of(drawn(500, 0.9, random), drawn(500, 0.6, random)),
            List.of(drawn(500, 0.7, random), drawn(500, 0.7, random)));
    assertThat(paired.standardErrors()).isGreaterThan(1);
    assertThat(paired.undecided()).isTrue();
  }

  @Test
  void equalAnswersGiveEqualIntervals() {
    List<boolean[]> ones = List.of(drawn(50, 0.9, new SplittableRandom(3)));
    List<boolean[]> others = List.of(drawn(50, 0.6, new SplittableRandom(4)));
    assertThat(PairedDifference.of(ones, others)).isEqualTo(PairedDifference.of(ones, others));
  }

  @Test
  void answersMustBeToTheSameQuestions() {
    assertThatThrownBy(() -> PairedDifference.of(List.of(answers("+-")), List.of(answers("+-+"))))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
