package polyphony.activities.split;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CriticMixTest {
  @ParameterizedTest
  @CsvSource({
    // share, corrected, confirmed -> corrected, confirmed
    "0.5, 10, 40, 10, 10",
    "0.5, 40, 10, 11, 10",
    "0.5, 7, 7, 7, 7",
    "0.2, 10, 100, 10, 42",
    "0.2, 50, 100, 25, 100",
    "0.5, 1, 1, 1, 1",
    "0.5, 1, 0, 1, 0",
    "0.2, 0, 30, 0, 30",
    "0.8, 30, 0, 30, 0",
    "0, 5, 6, 0, 6",
    "0, 5, 0, 0, 0",
    "1, 5, 6, 5, 0",
    "1, 0, 6, 0, 0",
    "0.5, 0, 0, 0, 0",
  })
  void asManyExamplesAsTheProportionAllows(
      double share, int corrected, int confirmed, int trainedCorrected, int trainedConfirmed) {
    assertThat(CriticMix.of(share, corrected, confirmed))
        .isEqualTo(new CriticMix(trainedCorrected, trainedConfirmed));
  }

  @Test
  void theProportionHoldsAndNoLargerMixExists() {
    SplittableRandom random = new SplittableRandom(3);
    for (int trial = 0; trial < 2_000; trial++) {
      double share = 0.01 + 0.98 * random.nextDouble();
      int corrected = 1 + random.nextInt(60);
      int confirmed = 1 + random.nextInt(60);
      CriticMix mix = CriticMix.of(share, corrected, confirmed);
      int n = mix.corrected() + mix.confirmed();
      assertThat(n).isPositive();
      assertThat(mix.corrected()).isBetween(0, corrected);
      assertThat(mix.confirmed()).isBetween(0, confirmed);
      assertThat(Math.abs(mix.corrected() - share * n)).isLessThanOrEqualTo(0.5);
      for (int larger = n + 1; larger <= corrected + confirmed; larger++) {
        long wanted = Math.round(share * larger);
        assertThat(wanted > corrected || larger - wanted > confirmed).isTrue();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void aShareOutsideZeroToOneIsRefused(double share) {
    assertThatThrownBy(() -> CriticMix.of(share, 1, 1))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
