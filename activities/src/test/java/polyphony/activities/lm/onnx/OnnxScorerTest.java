package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.ReferenceDecoder;
import polyphony.activities.lm.Scorer.Scores;
import polyphony.activities.lm.Scorer.Text;
import polyphony.activities.lm.TinyModels;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class OnnxScorerTest {
  @TempDir Path folder;

  static Stream<DecoderConfig> shapes() {
    return Shapes.all();
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void scoresEqualThoseOfThePlainDecoder(DecoderConfig config) {
    LanguageModel model = Shapes.random(folder, config, 5);
    ReferenceDecoder reference = ReferenceDecoder.of(model);
    List<Text> batch = randomTexts(config, 7, new Random(3));

    // Also in runs of a text or a few, which are then not in the batch's order.
    for (GraphVariant variant : Shapes.variants()) {
      for (int tokensPerScoring : new int[] {2048, 60, 1}) {
        OnnxOptions options = new OnnxOptions(1, 256, tokensPerScoring).with(variant);
        try (OnnxScorer scorer = new OnnxScorer(model, options)) {
          List<Scores> scores = scorer.score(batch);

          assertThat(scores).hasSameSizeAs(batch);
          for (int row = 0; row < batch.size(); row++) {
            assertMatches(reference, batch.get(row), scores.get(row));
          }
        }
      }
    }
  }

  static void assertMatches(ReferenceDecoder reference, Text text, Scores scores) {
    double[][] logits = reference.logits(text.tokens());
    double[][] hidden = reference.hiddenStates(text.tokens());
    int scored = text.tokens().length - text.from();
    assertThat(scores.logLikelihoods()).hasSize(scored);
    double[] mean = new double[reference.config().hiddenSize()];
    for (int i = 0; i < scored; i++) {
      double[] expected = ReferenceDecoder.logSoftmax(logits[text.from() + i - 1]);
      for (int token = 0; token < expected.length; token++) {
        assertThat((double) scores.logDistributions()[i][token])
            .isCloseTo(expected[token], within(1e-4));
      }
      assertThat((double) scores.logLikelihoods()[i])
          .isCloseTo(expected[text.tokens()[text.from() + i]], within(1e-4));
      for (int j = 0; j < mean.length; j++) {
        mean[j] += hidden[text.from() + i - 1][j] / scored;
      }
    }
    for (int j = 0; j < mean.length; j++) {
      assertThat((double) scores.embedding()[j]).isCloseTo(mean[j], within(1e-4));
    }
  }

  private static List<Text> randomTexts(DecoderConfig config, int count, Random random) {
    List<Text> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int length = i == 0 ? config.maxPositions() : 2 + random.nextInt(30);
      texts.add(
          new Text(
              Shapes.tokens(config, length, random), i == 1 ? 1 : 1 + random.nextInt(length - 1)));
    }
    return texts;
  }

  @Test
  void anEmptyBatchHasNoScores() {
    try (OnnxScorer scorer = new OnnxScorer(TinyModels.tied(folder), OnnxOptions.DEFAULT)) {
      assertThat(scorer.score(List.of())).isEmpty();
    }
  }

  @Test
  void textsThatCannotBeScoredAreRefused() {
    try (OnnxScorer scorer = new OnnxScorer(TinyModels.tied(folder), OnnxOptions.DEFAULT)) {
      for (Text text :
          List.of(
              new Text(new int[0], 1),
              new Text(new int[] {1, 2, 3}, 0),
              new Text(new int[] {1, 2, 3}, 3),
              new Text(new int[] {1, -1, 3}, 1),
              new Text(new int[] {1, 26, 3}, 1),
              new Text(new int[97], 1))) {
        assertThatThrownBy(() -> scorer.score(List.of(new Text(new int[] {1, 4}, 1), text)))
            .isInstanceOfSatisfying(
                PolyphonyException.class,
                e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
            .hasMessageContaining("text 1");
      }
    }
  }
}
