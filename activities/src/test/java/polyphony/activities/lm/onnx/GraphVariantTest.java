package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;

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
import polyphony.activities.lm.ModelFiles;
import polyphony.activities.lm.Sampler.Continuation;
import polyphony.activities.lm.Sampler.Prompt;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.onnx.GraphVariant.Attention;
import polyphony.activities.lm.onnx.GraphVariant.Precision;

/** What differs between the forms of a graph, and what must not. */
class GraphVariantTest {
  private static final GraphVariant GROUPED =
      new GraphVariant(Attention.GROUPED, Precision.FLOAT32);

  @TempDir Path folder;

  static Stream<DecoderConfig> suited() {
    return Shapes.all().filter(config -> GraphVariant.unsuited(config).isEmpty());
  }

  @Test
  void headsThatTheGroupedOperatorDoesNotTakeAreAttendedByTheStandardOne() {
    assertThat(suited().count()).isEqualTo(3);
    assertThat(GraphVariant.unsuited(Shapes.wide(12)).orElseThrow()).contains("12");
    assertThat(GraphVariant.unsuited(Shapes.wide(264)).orElseThrow()).contains("264");
    for (int heads : new int[] {12, 264}) {
      assertThat(operators(Shapes.wide(heads), GROUPED)).doesNotContain("GroupQueryAttention");
      assertThat(GROUPED.padding(Shapes.wide(heads))).isEqualTo(PaddedBatch.Side.LEFT);
    }
    assertThat(operators(Shapes.wide(16), GROUPED)).doesNotContain("Attention", "RotaryEmbedding");
    assertThat(operators(Shapes.wide(8), GROUPED)).contains("RotaryEmbedding");
    assertThat(operators(Shapes.wide(16), GraphVariant.CPU)).doesNotContain("GroupQueryAttention");
  }

  private List<String> operators(DecoderConfig config, GraphVariant variant) {
    LanguageModel model = Shapes.random(folder.resolve("heads" + config.headSize()), config, 1);
    return DecoderGraph.logits(config, model.weights(), AdapterStack.of(List.of(model)), variant)
        .getGraph()
        .getNodeList()
        .stream()
        .map(node -> node.getOpType())
        .toList();
  }

  @ParameterizedTest
  @MethodSource("suited")
  void bothFormsDrawTheSameTokensInOneRunAndInSeveral(DecoderConfig config) {
    LanguageModel model = Shapes.random(folder, config, 4);
    Random random = new Random(6);
    List<Prompt> prompts = new ArrayList<>();
    for (int length : new int[] {40, 1, 7, 1, 23, 12}) {
      prompts.add(new Prompt(Shapes.tokens(config, length, random), random.nextLong()));
    }
    for (SamplingSettings settings :
        List.of(
            new SamplingSettings(0, 1, 30),
            new SamplingSettings(1, 0.95, 30),
            new SamplingSettings(1.5, 1, 30))) {
      List<Continuation> expected;
      long steps;
      try (OnnxSampler sampler = new OnnxSampler(model, OnnxOptions.DEFAULT)) {
        expected = sampler.sample(prompts, settings);
        steps = sampler.executedSteps();
      }
      for (int stepsPerRun : new int[] {256, 7, 1}) {
        OnnxOptions options = new OnnxOptions(1, stepsPerRun, 2048).with(GROUPED);
        try (OnnxSampler sampler = new OnnxSampler(model, options)) {
          assertEqual(sampler.sample(prompts, settings), expected);
          assertThat(sampler.executedSteps()).isEqualTo(steps);
        }
      }
      // Alone and in another order a row has another padding.
      try (OnnxSampler sampler = new OnnxSampler(model, OnnxOptions.DEFAULT.with(GROUPED))) {
        for (int row = 0; row < prompts.size(); row++) {
          assertEqual(
              sampler.sample(List.of(prompts.get(row)), settings), List.of(expected.get(row)));
        }
      }
    }
  }

  private static void assertEqual(List<Continuation> actual, List<Continuation> expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int row = 0; row < actual.size(); row++) {
      assertThat(actual.get(row).tokens()).containsExactly(expected.get(row).tokens());
      assertThat(actual.get(row).ended()).isEqualTo(expected.get(row).ended());
    }
  }

  @ParameterizedTest
  @MethodSource("suited")
  void inHalfPrecisionLogitsAreOffByLessThanFourThousandthsOfTheGreatest(DecoderConfig config) {
    LanguageModel model =
        ModelFiles.narrowed(
            Shapes.random(folder.resolve("a"), config, 4), folder.resolve("b"), "F16");
    LanguageModel narrowed =
        new LanguageModel(model.folder(), config, model.weights(), model.endTokens());
    Random random = new Random(3);
    double greatest = 0;
    double scale = 0;
    for (Attention attention : Attention.values()) {
      for (int length : new int[] {1, 9, 60}) {
        int[] tokens = Shapes.tokens(config, length, random);
        float[] expected = OnnxLogits.last(narrowed, tokens, OnnxOptions.DEFAULT);
        float[] actual =
            OnnxLogits.last(
                narrowed,
                tokens,
                OnnxOptions.DEFAULT.with(new GraphVariant(attention, Precision.FLOAT16)));
        for (int i = 0; i < expected.length; i++) {
          greatest = Math.max(greatest, Math.abs(actual[i] - expected[i]));
          scale = Math.max(scale, Math.abs(expected[i]));
        }
      }
    }
    assertThat(greatest).isPositive().isLessThan(4e-3 * scale);
  }

  @Test
  void halfPrecisionSamplesAndItsFilesNeedNoConversion() {
    LanguageModel wide = TinyModels.random(folder.resolve("a"), Shapes.wide(16), 9);
    LanguageModel narrow = ModelFiles.narrowed(wide, folder.resolve("b"), "F16");
    GraphVariant half = new GraphVariant(Attention.GROUPED, Precision.FLOAT16);
    assertThat(casts(narrow, half)).isEqualTo(casts(wide, GROUPED) + 3); // two tables, the logits
    assertThat(casts(wide, half)).isGreaterThan(casts(narrow, half));
    List<Prompt> prompts = List.of(new Prompt(new int[] {3, 4, 5}, 1), new Prompt(new int[9], 2));
    SamplingSettings settings = new SamplingSettings(1, 0.9, 20);
    try (OnnxSampler fromNarrow = new OnnxSampler(narrow, OnnxOptions.DEFAULT.with(half));
        OnnxSampler fromWide = new OnnxSampler(wide, OnnxOptions.DEFAULT.with(half))) {
      List<Continuation> drawn = fromNarrow.sample(prompts, settings);
      assertThat(drawn).allMatch(each -> each.tokens().length > 0);
      assertEqual(fromWide.sample(prompts, settings), drawn);
    }
  }

  private static long casts(LanguageModel model, GraphVariant variant) {
    return DecoderGraph.logits(
            model.config(), model.weights(), AdapterStack.of(List.of(model)), variant)
        .getGraph()
        .getNodeList()
        .stream()
        .filter(node -> node.getOpType().equals("Cast"))
        .count();
  }
}
