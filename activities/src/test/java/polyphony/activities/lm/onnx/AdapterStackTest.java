package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.MergedAdapters;
import polyphony.activities.lm.ReferenceDecoder;
import polyphony.activities.lm.Sampler.Continuation;
import polyphony.activities.lm.Sampler.Prompt;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Scorer.Scores;
import polyphony.activities.lm.Scorer.Text;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.TransformersParityTest;

/** Batches whose rows are of several models over one base, in every shape and architecture. */
class AdapterStackTest {
  private static final double TOLERANCE = 1e-4;

  @TempDir Path folder;

  /** Models of all kinds that the graph tells apart. */
  static Stream<String> bases() {
    return Stream.concat(
        TransformersParityTest.variants(),
        Stream.iterate(0, shape -> shape + 1)
            .limit(Shapes.all().count())
            .map(shape -> "shape " + shape));
  }

  private LanguageModel base(String name) {
    if (!name.startsWith("shape ")) {
      return LanguageModel.openToCompute(TransformersParityTest.FIXTURES.resolve(name));
    }
    DecoderConfig config =
        Shapes.all().toList().get(Integer.parseInt(name.substring("shape ".length())));
    return Shapes.random(folder.resolve("base"), config, 4);
  }

  /** Of different ranks, scales and targets; the base itself is among them. */
  private List<LanguageModel> society(LanguageModel base) {
    SortedSet<String> every = base.config().linearLayers();
    SortedSet<String> attention = new TreeSet<>(List.of("q_proj", "v_proj", "qkv_proj"));
    attention.retainAll(every);
    return List.of(
        adapted(base, new AdapterConfig(3, 3, 0, every)),
        base,
        adapted(base, new AdapterConfig(8, 12, 0, attention)),
        adapted(base, new AdapterConfig(1, 2, 0, new TreeSet<>(List.of("down_proj")))),
        adapted(base, new AdapterConfig(3, 1.5, 0, every)));
  }

  private LanguageModel adapted(LanguageModel base, AdapterConfig config) {
    Path own = folder.resolve("adapter-" + config.hashCode());
    return base.with(TinyModels.adapter(own, base.config(), config, config.rank()));
  }

  private static List<Text> texts(DecoderConfig config, int models) {
    Random random = new Random(5);
    List<Text> texts = new ArrayList<>();
    for (int i = 0; i < 2 * models; i++) {
      int length = 2 + random.nextInt(i == 4 ? 60 : 20);
      texts.add(
          new Text(
              Shapes.tokens(config, length, random), 1 + random.nextInt(length - 1), i % models));
    }
    return texts;
  }

  @ParameterizedTest
  @MethodSource("bases")
  void aMixedBatchScoresAsEachModelInPlainDoubles(String name) {
    LanguageModel base = base(name);
    List<LanguageModel> models = society(base);
    List<Text> texts = texts(base.config(), models.size());
    List<ReferenceDecoder> references = models.stream().map(MergedAdapters::reference).toList();
    for (GraphVariant variant : Shapes.variants()) {
      for (int tokensPerScoring : new int[] {2048, 40}) {
        OnnxOptions options = new OnnxOptions(1, 256, tokensPerScoring).with(variant);
        try (OnnxScorer scorer = new OnnxScorer(models, options)) {
          List<Scores> scores = scorer.score(texts);
          for (int i = 0; i < texts.size(); i++) {
            Text text = texts.get(i);
            OnnxScorerTest.assertMatches(references.get(text.model()), text, scores.get(i));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("bases")
  void aMixedBatchIsSampledAsFromEachModelInPlainDoublesInOneRunAndInSeveral(String name) {
    LanguageModel base = base(name);
    List<LanguageModel> models = society(base);
    List<ReferenceDecoder> references = models.stream().map(MergedAdapters::reference).toList();
    List<Prompt> prompts =
        texts(base.config(), models.size()).stream()
            .map(text -> new Prompt(text.tokens(), text.from(), text.model()))
            .toList();
    for (boolean cut : new boolean[] {false, true}) {
      SamplingSettings settings =
          cut ? new SamplingSettings(0, 1, 12) : new SamplingSettings(0.8, 0.95, 12);
      // The cut one in the other form.
      GraphVariant variant = Shapes.variants().get(cut ? 1 : 0);
      OnnxOptions options = new OnnxOptions(1, cut ? 5 : 256, 2048).with(variant);
      try (OnnxSampler sampler = new OnnxSampler(models, options)) {
        List<Continuation> continuations = sampler.sample(prompts, settings);
        int certain = 0;
        int all = 0;
        for (int row = 0; row < prompts.size(); row++) {
          ReferenceDecoder reference = references.get(prompts.get(row).model());
          certain +=
              OnnxSamplerTest.follow(reference, prompts.get(row), continuations.get(row), settings);
          all += continuations.get(row).tokens().length;
        }
        assertThat(certain).isGreaterThan(all * 9 / 10);
      }
    }
  }

  @Test
  void aMixedBatchIsAsSeparateSessionsOfMergedWeights() {
    LanguageModel base = TinyModels.untied(folder.resolve("base"));
    List<LanguageModel> models = society(base);
    List<Text> texts = texts(base.config(), models.size());
    SamplingSettings greedy = new SamplingSettings(0, 1, 20);
    try (OnnxScorer scorer = new OnnxScorer(models, OnnxOptions.DEFAULT);
        OnnxSampler sampler = new OnnxSampler(models, OnnxOptions.DEFAULT)) {
      List<Scores> together = scorer.score(texts);
      List<Continuation> continued =
          sampler.sample(
              texts.stream().map(text -> new Prompt(text.tokens(), 1, text.model())).toList(),
              greedy);
      for (int model = 0; model < models.size(); model++) {
        LanguageModel merged =
            MergedAdapters.merged(models.get(model), folder.resolve("merged-" + model));
        try (OnnxScorer apart = new OnnxScorer(merged, OnnxOptions.DEFAULT);
            OnnxSampler apartSampler = new OnnxSampler(merged, OnnxOptions.DEFAULT)) {
          for (int i = model; i < texts.size(); i += models.size()) {
            int[] tokens = texts.get(i).tokens();
            Scores alone = apart.score(List.of(new Text(tokens, texts.get(i).from()))).get(0);
            for (int j = 0; j < alone.logDistributions().length; j++) {
              assertThat(together.get(i).logDistributions()[j])
                  .containsExactly(alone.logDistributions()[j], within((float) TOLERANCE));
            }
            assertThat(continued.get(i).tokens())
                .containsExactly(
                    apartSampler.sample(List.of(new Prompt(tokens, 1)), greedy).get(0).tokens());
          }
        }
      }
    }
  }

  @Test
  void anAdaptersModelAloneHasTheLogitsOfItsMergedWeights() {
    for (LanguageModel model : society(TinyModels.tied(folder.resolve("base")))) {
      int[] text = {1, 20, 5, 9, 13};
      float[] logits = OnnxLogits.last(model, text, OnnxOptions.DEFAULT);
      double[] expected = MergedAdapters.reference(model).logits(text)[4];
      for (int token = 0; token < expected.length; token++) {
        assertThat((double) logits[token]).isCloseTo(expected[token], within(TOLERANCE));
      }
    }
  }

  /** Without which the tests above could not fail. */
  @Test
  void theModelsOfTheseTestsDiffer() {
    LanguageModel base = TinyModels.untied(folder.resolve("base"));
    List<double[]> logits =
        society(base).stream()
            .map(model -> MergedAdapters.reference(model).logits(new int[] {1, 20, 5})[2])
            .toList();
    for (int i = 0; i < logits.size(); i++) {
      for (int j = 0; j < i; j++) {
        double greatest = 0;
        for (int token = 0; token < logits.get(i).length; token++) {
          greatest = Math.max(greatest, Math.abs(logits.get(i)[token] - logits.get(j)[token]));
        }
        assertThat(greatest).isGreaterThan(0.1);
      }
    }
  }

  @Test
  void aGraphWithoutAdaptersHasNothingOfThem() {
    LanguageModel base = TinyModels.untied(folder.resolve("base"));
    ModelProto alone = generation(List.of(base));
    assertThat(generation(List.of(base, base))).isEqualTo(alone);
    assertThat(alone.getGraph().getInputList())
        .extracting(ValueInfoProto::getName)
        .containsExactly(
            "prompts",
            "padding",
            "limits",
            "uniforms",
            "endTokens",
            "temperature",
            "topP",
            "greedy",
            "nucleus",
            "cosine",
            "sine");
    assertThat(generation(society(base)).getGraph().getInputList())
        .extracting(ValueInfoProto::getName)
        .contains("adapters", "model.layers.1.mlp.down_proj.lora_B")
        .hasSize(11 + 1 + 2 * 7 * 2);
  }

  private static ModelProto generation(List<LanguageModel> models) {
    LanguageModel base = models.get(0);
    return DecoderGraph.generation(
        base.config(), base.weights(), AdapterStack.of(models), GraphVariant.CPU);
  }

  @Test
  void modelsOverDifferentBasesAreRefused() {
    List<LanguageModel> models =
        List.of(TinyModels.untied(folder.resolve("a")), TinyModels.untied(folder.resolve("b")));
    assertThatThrownBy(() -> new OnnxSampler(models, OnnxOptions.DEFAULT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("share a base");
    assertThatThrownBy(() -> new OnnxScorer(models, OnnxOptions.DEFAULT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("share a base");
  }

  @Test
  void aRowOfAModelThatWasNotOpenedIsRefused() {
    LanguageModel base = TinyModels.untied(folder);
    try (OnnxSampler sampler = new OnnxSampler(List.of(base, base), OnnxOptions.DEFAULT);
        OnnxScorer scorer = new OnnxScorer(List.of(base, base), OnnxOptions.DEFAULT)) {
      for (int model : new int[] {-1, 2}) {
        assertThatThrownBy(
                () ->
                    sampler.sample(
                        List.of(new Prompt(new int[] {1}, 1), new Prompt(new int[] {1}, 1, model)),
                        new SamplingSettings(0, 1, 1)))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("prompt 1 is of model " + model + "; 2 were opened");
        assertThatThrownBy(() -> scorer.score(List.of(new Text(new int[] {1, 2}, 1, model))))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("text 0 is of model " + model + "; 2 were opened");
      }
    }
  }
}
