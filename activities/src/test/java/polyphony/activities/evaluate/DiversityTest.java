package polyphony.activities.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.storage.PolyphonyException;

class DiversityTest {
  private static float[] log(double... probabilities) {
    float[] logs = new float[probabilities.length];
    for (int i = 0; i < logs.length; i++) {
      logs[i] = (float) Math.log(probabilities[i]);
    }
    return logs;
  }

  private static Measurement measurement(
      int index,
      double agreeing,
      List<Double> likelihood,
      Divergences last,
      double sum,
      int pairs) {
    return new Measurement(
        index,
        "q" + index,
        "1",
        true,
        agreeing,
        List.of(true, true),
        List.of(true, true),
        List.of(true, true),
        likelihood,
        last,
        last,
        sum,
        pairs,
        0);
  }

  @Test
  void divergenceIsThatOfTheTextbook() {
    // 1/2 ln(2) + 1/2 ln(2/3)
    assertThat(Diversity.kl(log(0.5, 0.5), log(0.25, 0.75)))
        .isCloseTo(0.14384103622589045, within(1e-7));
    // 1/4 ln(1/2) + 3/4 ln(3/2): not symmetric
    assertThat(Diversity.kl(log(0.25, 0.75), log(0.5, 0.5)))
        .isCloseTo(0.13081203594113697, within(1e-7));
    assertThat(Diversity.kl(log(0.1, 0.2, 0.7), log(0.1, 0.2, 0.7))).isZero();
  }

  @Test
  void aTokenThatCannotBeDrawnAddsNothing() {
    assertThat(Diversity.kl(log(1, 0), log(0.5, 0.5))).isCloseTo(Math.log(2), within(1e-7));
    assertThat(Diversity.kl(log(1, 0), log(1, 0))).isZero();
  }

  @Test
  void probabilitiesThatAreNotFiniteAreRefused() {
    assertThatThrownBy(() -> Diversity.kl(log(0.5, 0.5), log(1, 0)))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("not finite");
    assertThatThrownBy(() -> Diversity.kl(new float[] {0, Float.NaN}, log(0.5, 0.5)))
        .isInstanceOf(PolyphonyException.class);
  }

  @Test
  void dissimilarityIsOneMinusCosine() {
    assertThat(Diversity.dissimilarity(new float[] {3, 4}, new float[] {6, 8}))
        .hasValueCloseTo(0.0, within(1e-12));
    assertThat(Diversity.dissimilarity(new float[] {1, 0}, new float[] {0, 2}))
        .hasValueCloseTo(1.0, within(1e-12));
    assertThat(Diversity.dissimilarity(new float[] {1, 0}, new float[] {-1, 0}))
        .hasValueCloseTo(2.0, within(1e-12));
    assertThat(Diversity.dissimilarity(new float[] {0, 0}, new float[] {1, 0})).isEmpty();
  }

  @Test
  void tokensOfAllQuestionsCountAlikeAndAgentsToo() {
    Divergences one =
        new Divergences(
            List.of(2, 1), List.of(List.of(0.0, 3.0), List.of(0.5, 0.0)), List.of(1.0, 0.25));
    Divergences two =
        new Divergences(
            List.of(6, 1), List.of(List.of(0.0, 1.0), List.of(1.5, 0.0)), List.of(3.0, 0.75));
    List<Measurement> measurements =
        List.of(
            measurement(0, 1.0, List.of(2.0, 1.0), one, 0.4, 1),
            measurement(1, 0.5, List.of(6.0, 2.0), two, 0.2, 1));
    // Agent 1: (3 + 1) / 8; agent 2: (0.5 + 1.5) / 2; mean 0.75.
    assertThat(Diversity.klBetweenAgents(measurements, Measurement::last)).isEqualTo(0.75);
    // (1 + 3) / 8 and (0.25 + 0.75) / 2.
    assertThat(Diversity.klToBase(measurements, Measurement::last)).isEqualTo(0.5);
    // 8 / 8 and 3 / 2.
    assertThat(Diversity.likelihood(measurements)).isEqualTo(1.25);
    assertThat(Diversity.consensus(measurements)).isEqualTo(0.75);
    assertThat(Diversity.embeddingDissimilarity(measurements)).isCloseTo(0.3, within(1e-12));
  }

  @Test
  void anAgentThatSaidNothingIsLeftOut() {
    Divergences silent =
        new Divergences(
            List.of(4, 0), List.of(List.of(0.0, 2.0), List.of(0.0, 0.0)), List.of(4.0, 0.0));
    List<Measurement> measurements = List.of(measurement(0, 0.5, List.of(2.0, 0.0), silent, 0, 0));
    assertThat(Diversity.klBetweenAgents(measurements, Measurement::last)).isEqualTo(0.5);
    assertThat(Diversity.klToBase(measurements, Measurement::last)).isEqualTo(1);
    assertThat(Diversity.likelihood(measurements)).isEqualTo(0.5);
    assertThat(Diversity.embeddingDissimilarity(measurements)).isNull();
  }

  @Test
  void whatNeedsSeveralAgentsIsNullForOne() {
    Divergences alone = new Divergences(List.of(4), List.of(), List.of(2.0));
    List<Measurement> measurements =
        List.of(
            new Measurement(
                0,
                "q0",
                null,
                false,
                0,
                List.of(false),
                List.of(false),
                List.of(false),
                List.of(),
                alone,
                alone,
                0,
                0,
                0));
    assertThat(Diversity.klBetweenAgents(measurements, Measurement::last)).isNull();
    assertThat(Diversity.likelihood(measurements)).isNull();
    assertThat(Diversity.embeddingDissimilarity(measurements)).isNull();
    assertThat(Diversity.klToBase(measurements, Measurement::last)).isEqualTo(0.5);
  }
}
