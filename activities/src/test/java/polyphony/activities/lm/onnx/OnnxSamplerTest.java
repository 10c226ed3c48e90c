package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.ModelFiles;
import polyphony.activities.lm.ReferenceDecoder;
import polyphony.activities.lm.Sampler.Continuation;
import polyphony.activities.lm.Sampler.Prompt;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.TinyModels;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class OnnxSamplerTest {
  private static final int END = 2;

  @TempDir Path folder;

  static Stream<DecoderConfig> shapes() {
    return Shapes.all();
  }

  private static List<Prompt> prompts(DecoderConfig config, int count, long seed) {
    Random random = new Random(seed);
    List<Prompt> prompts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int length = 1 + random.nextInt(i == 0 ? 60 : 20);
      prompts.add(new Prompt(Shapes.tokens(config, length, random), random.nextLong()));
    }
    return prompts;
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void tokensEqualThoseOfThePlainDecoderAndThePlainSampler(DecoderConfig config) {
    LanguageModel model = Shapes.random(folder, config, 4);
    ReferenceDecoder reference = ReferenceDecoder.of(model);
    for (GraphVariant variant : Shapes.variants()) {
      tokensEqualThoseOf(reference, model, variant);
    }
  }

  private static void tokensEqualThoseOf(
      ReferenceDecoder reference, LanguageModel model, GraphVariant variant) {
    try (OnnxSampler sampler = new OnnxSampler(model, OnnxOptions.DEFAULT.with(variant))) {
      for (SamplingSettings settings :
          List.of(
              new SamplingSettings(0, 1, 12),
              new SamplingSettings(1, 1, 30),
              new SamplingSettings(0.7, 0.9, 30),
              new SamplingSettings(2, 0.6, 30))) {
        List<Prompt> prompts = prompts(model.config(), 6, 21);
        List<Continuation> continuations = sampler.sample(prompts, settings);
        int certain = 0;
        int all = 0;
        for (int row = 0; row < prompts.size(); row++) {
          assertEndsWhereItSays(continuations.get(row), settings.maxNewTokens());
          certain += follow(reference, prompts.get(row), continuations.get(row), settings);
          all += continuations.get(row).tokens().length;
        }
        assertThat(certain).isGreaterThan(all * 9 / 10);
      }
    }
  }

  private static void assertEndsWhereItSays(Continuation continuation, int limit) {
    int[] tokens = continuation.tokens();
    for (int i = 0; i < tokens.length - 1; i++) {
      assertThat(tokens[i]).isNotEqualTo(END);
    }
    assertThat(tokens[tokens.length - 1] == END).isEqualTo(continuation.ended());
    assertThat(tokens.length == limit || continuation.ended()).isTrue();
  }

  /** Checks each token given those before it; returns for how many rounding left no doubt. */
  static int follow(
      ReferenceDecoder reference,
      Prompt prompt,
      Continuation continuation,
      SamplingSettings settings) {
    SplittableRandom random = new SplittableRandom(prompt.seed());
    int start = prompt.tokens().length;
    int[] text = Arrays.copyOf(prompt.tokens(), start + continuation.tokens().length);
    System.arraycopy(continuation.tokens(), 0, text, start, continuation.tokens().length);
    boolean settled = reference.config().rotary().regimes() == 1;
    double[][] logits = reference.logits(text);
    int certain = 0;
    for (int i = start; i < text.length; i++) {
      // Where a longer text turns all of its tokens otherwise, each is drawn after a text of its
      // own.
      double[] row = (settled ? logits : reference.logits(Arrays.copyOf(text, i)))[i - 1];
      if (settings.temperature() == 0) {
        double greatest = Arrays.stream(row).max().orElseThrow();
        assertThat(row[text[i]]).isGreaterThan(greatest - 1e-4);
        certain += row[text[i]] == greatest ? 1 : 0;
        continue;
      }
      double uniform = random.nextDouble();
      PlainSelection plain = PlainSelection.of(row, settings.temperature(), settings.topP());
      if (plain.certain(uniform, 1e-5)) {
        certain++;
        assertThat(text[i]).isEqualTo(plain.token(uniform));
      }
    }
    return certain;
  }

  @Test
  void aRowDoesNotDependOnTheBatchAroundIt() {
    LanguageModel model = TinyModels.untied(folder);
    List<Prompt> prompts = prompts(model.config(), 9, 33);
    SamplingSettings settings = new SamplingSettings(1, 0.95, 30);
    try (OnnxSampler sampler = new OnnxSampler(model, OnnxOptions.DEFAULT)) {
      List<Continuation> together = sampler.sample(prompts, settings);

      assertThat(prompts.stream().mapToInt(prompt -> prompt.tokens().length).distinct().count())
          .isGreaterThan(5);
      for (int row = 0; row < prompts.size(); row++) {
        assertEqual(sampler.sample(List.of(prompts.get(row)), settings).get(0), together.get(row));
      }
    }
  }

  private static void assertEqual(Continuation actual, Continuation expected) {
    assertThat(actual.tokens()).containsExactly(expected.tokens());
    assertThat(actual.ended()).isEqualTo(expected.ended());
  }

  @Test
  void theSameBatchTwiceGivesTheSameTokens() {
    LanguageModel model = TinyModels.tied(folder);
    List<Prompt> prompts = prompts(model.config(), 16, 8);
    SamplingSettings settings = new SamplingSettings(1, 0.9, 40);
    try (OnnxSampler first = new OnnxSampler(model, OnnxOptions.DEFAULT);
        OnnxSampler second = new OnnxSampler(model, OnnxOptions.DEFAULT)) {
      List<Continuation> once = first.sample(prompts, settings);
      List<Continuation> twice = first.sample(prompts, settings);
      List<Continuation> elsewhere = second.sample(prompts, settings);
      for (int row = 0; row < prompts.size(); row++) {
        assertEqual(twice.get(row), once.get(row));
        assertEqual(elsewhere.get(row), once.get(row));
      }
    }
  }

  @Test
  void aGenerationCutIntoRunsEqualsOneRun() {
    LanguageModel model = TinyModels.untied(folder);
    List<Prompt> prompts = prompts(model.config(), 8, 17);
    SamplingSettings settings = new SamplingSettings(0.8, 0.97, 36);
    try (OnnxSampler whole = new OnnxSampler(model, OnnxOptions.DEFAULT);
        OnnxSampler cut = new OnnxSampler(model, new OnnxOptions(1, 7, 2048))) {
      List<Continuation> expected = whole.sample(prompts, settings);
      List<Continuation> actual = cut.sample(prompts, settings);
      assertThat(expected.stream().mapToInt(c -> c.tokens().length).max().orElseThrow())
          .isGreaterThan(14);
      for (int row = 0; row < prompts.size(); row++) {
        assertEqual(actual.get(row), expected.get(row));
      }
    }
  }

  @Test
  void decodingStopsWhenEveryRowHasEnded() {
    LanguageModel model =
        alwaysSaying(END, TinyModels.untied(folder.resolve("a")), folder.resolve("b"));
    try (OnnxSampler sampler = new OnnxSampler(model, OnnxOptions.DEFAULT)) {
      for (double temperature : new double[] {0, 1}) {
        long before = sampler.executedSteps();
        List<Continuation> continuations =
            sampler.sample(prompts(model.config(), 5, 3), new SamplingSettings(temperature, 1, 30));

        assertThat(sampler.executedSteps() - before).isEqualTo(1);
        for (Continuation continuation : continuations) {
          assertThat(continuation.tokens()).containsExactly(END);
          assertThat(continuation.ended()).isTrue();
        }
      }
    }
  }

  @Test
  void anyOfSeveralEndTokensEnds() {
    LanguageModel model =
        alwaysSaying(9, TinyModels.untied(folder.resolve("a")), folder.resolve("b"));
    List<Prompt> prompts = prompts(model.config(), 3, 3);
    for (List<Integer> ends : List.of(List.of(2, 9), List.of(9, 4, 2))) {
      LanguageModel other =
          new LanguageModel(model.folder(), model.config(), model.weights(), ends);
      try (OnnxSampler sampler = new OnnxSampler(other, OnnxOptions.DEFAULT)) {
        for (Continuation c : sampler.sample(prompts, new SamplingSettings(1, 1, 8))) {
          assertThat(c.tokens()).containsExactly(9);
          assertThat(c.ended()).isTrue();
        }
      }
    }
    try (OnnxSampler sampler = new OnnxSampler(model, OnnxOptions.DEFAULT)) {
      for (Continuation c : sampler.sample(prompts, new SamplingSettings(1, 1, 8))) {
        assertThat(c.tokens()).hasSize(8).containsOnly(9);
        assertThat(c.ended()).isFalse();
      }
    }
  }

  /**
   * Every embedding points along the first axis, and only {@code token}'s output row looks there.
   */
  private static LanguageModel alwaysSaying(int token, LanguageModel model, Path copy) {
    int width = model.config().hiddenSize();
    return ModelFiles.changed(
        model,
        copy,
        (name, values) -> {
          if (name.equals("model.embed_tokens.weight")) {
            for (int i = 0; i < values.length; i += width) {
              values[i] = 1000;
            }
          } else if (name.equals("lm_head.weight")) {
            Arrays.fill(values, 0);
            values[token * width] = 100;
          }
        });
  }

  @Test
  void aRowWhoseContextIsFullIsCut() {
    LanguageModel model =
        alwaysSaying(9, TinyModels.untied(folder.resolve("a")), folder.resolve("b"));
    List<Prompt> prompts =
        List.of(new Prompt(new int[96], 1), new Prompt(new int[90], 2), new Prompt(new int[10], 3));
    for (int stepsPerRun : new int[] {4, 256}) {
      try (OnnxSampler sampler = new OnnxSampler(model, new OnnxOptions(1, stepsPerRun, 2048))) {
        List<Continuation> cut = sampler.sample(prompts, new SamplingSettings(1, 1, 20));
        assertThat(cut.stream().map(c -> c.tokens().length)).containsExactly(0, 6, 20);
        assertThat(cut.stream().map(Continuation::ended)).containsOnly(false);
      }
    }
  }

  @Test
  void promptsThatCannotBeContinuedAreRefused() {
    try (OnnxSampler sampler = new OnnxSampler(TinyModels.tied(folder), OnnxOptions.DEFAULT)) {
      for (int[] prompt : new int[][] {{}, {1, -1}, {26}, new int[97]}) {
        assertThatThrownBy(
                () ->
                    sampler.sample(
                        List.of(new Prompt(new int[] {1}, 1), new Prompt(prompt, 1)),
                        new SamplingSettings(1, 1, 3)))
            .isInstanceOfSatisfying(
                PolyphonyException.class,
                e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
            .hasMessageContaining("prompt 1");
      }
      assertThat(sampler.sample(List.of(), new SamplingSettings(1, 1, 3))).isEmpty();
    }
  }

  @Test
  void aModelWithDamagedWeightsIsRefused() {
    LanguageModel model =
        ModelFiles.changed(
            TinyModels.untied(folder.resolve("a")),
            folder.resolve("b"),
            (name, values) -> {
              if (name.equals("model.norm.weight")) {
                values[3] = Float.NaN;
              }
            });
    try (OnnxSampler sampler = new OnnxSampler(model, OnnxOptions.DEFAULT)) {
      for (SamplingSettings settings :
          List.of(
              new SamplingSettings(0, 1, 9),
              new SamplingSettings(1, 1, 9),
              new SamplingSettings(1, 0.9, 9))) {
        assertThatThrownBy(() -> sampler.sample(prompts(model.config(), 2, 1), settings))
            .isInstanceOfSatisfying(
                PolyphonyException.class,
                e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
            .hasMessageContaining("not numbers");
      }
    }
  }

  @Test
  void halfPrecisionFilesGiveTheResultsOfTheWidenedModel() {
    for (boolean tied : new boolean[] {true, false}) {
      for (String type : List.of("F16", "BF16")) {
        Path base = folder.resolve(type + tied);
        LanguageModel original =
            TinyModels.random(base.resolve("full"), TinyModels.config(tied), 6);
        LanguageModel half = ModelFiles.narrowed(original, base.resolve("half"), type);
        LanguageModel widened =
            ModelFiles.changed(half, base.resolve("widened"), (name, values) -> {});
        List<Prompt> prompts = prompts(original.config(), 5, 12);
        SamplingSettings settings = new SamplingSettings(1, 0.9, 20);
        try (OnnxSampler actual = new OnnxSampler(half, OnnxOptions.DEFAULT);
            OnnxSampler expected = new OnnxSampler(widened, OnnxOptions.DEFAULT)) {
          List<Continuation> wanted = expected.sample(prompts, settings);
          List<Continuation> found = actual.sample(prompts, settings);
          for (int row = 0; row < prompts.size(); row++) {
            assertEqual(found.get(row), wanted.get(row));
          }
        }
      }
    }
  }

  @Test
  void extremeSettingsAreTheirLimits() {
    LanguageModel model = TinyModels.untied(folder);
    List<Prompt> prompts = prompts(model.config(), 4, 5);
    try (OnnxSampler sampler = new OnnxSampler(model, OnnxOptions.DEFAULT)) {
      List<Continuation> greedy = sampler.sample(prompts, new SamplingSettings(0, 1, 10));
      for (SamplingSettings settings :
          List.of(
              new SamplingSettings(1e-300, 1, 10),
              new SamplingSettings(1e-300, 0.5, 10),
              new SamplingSettings(1, 1e-300, 10))) {
        List<Continuation> actual = sampler.sample(prompts, settings);
        for (int row = 0; row < prompts.size(); row++) {
          assertEqual(actual.get(row), greedy.get(row));
        }
      }
      List<Continuation> flat = sampler.sample(prompts, new SamplingSettings(1e300, 1, 20));
      assertThat(flat.stream().flatMapToInt(c -> Arrays.stream(c.tokens())).distinct().count())
          .isGreaterThan(8);
    }
  }

  @Test
  void weightsMayBeALinkIntoAnotherFolder() throws IOException {
    LanguageModel model = TinyModels.untied(folder.resolve("a"));
    Path linked = folder.resolve("b");
    LanguageModel copy = ModelFiles.changed(model, linked, (name, values) -> {});
    Path weights = linked.resolve("model.safetensors");
    Files.delete(weights);
    Files.createSymbolicLink(weights, model.folder().resolve("model.safetensors"));
    List<Prompt> prompts = prompts(model.config(), 2, 5);
    SamplingSettings settings = new SamplingSettings(1, 1, 10);
    try (OnnxSampler expected = new OnnxSampler(model, OnnxOptions.DEFAULT);
        OnnxSampler actual =
            new OnnxSampler(LanguageModel.open(copy.folder()), OnnxOptions.DEFAULT)) {
      List<Continuation> wanted = expected.sample(prompts, settings);
      List<Continuation> found = actual.sample(prompts, settings);
      for (int row = 0; row < prompts.size(); row++) {
        assertEqual(found.get(row), wanted.get(row));
      }
    }
  }

  @Test
  void weightsThatTheRuntimeCannotReadInPlaceAreRefused() {
    LanguageModel model = TinyModels.tied(folder.resolve("a"));
    Map<String, BiConsumer<Path, LanguageModel>> damages =
        Map.of(
            "not a multiple", (path, from) -> ModelFiles.misaligned(from, path),
            "F64", (path, from) -> ModelFiles.retyped(from, path, "F64"));
    damages.forEach(
        (message, damage) -> {
          Path copy = folder.resolve(message);
          damage.accept(copy, model);
          assertThatThrownBy(() -> new OnnxSampler(LanguageModel.open(copy), OnnxOptions.DEFAULT))
              .isInstanceOfSatisfying(
                  PolyphonyException.class,
                  e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
              .hasMessageContaining(message);
        });
  }
}
