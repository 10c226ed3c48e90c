package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.activities.lm.Sampler.Continuation;
import polyphony.activities.lm.Sampler.Prompt;
import polyphony.activities.lm.Scorer.Scores;
import polyphony.activities.lm.Scorer.Text;
import polyphony.activities.lm.onnx.GraphVariant;
import polyphony.activities.lm.onnx.OnnxLogits;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxSampler;
import polyphony.activities.lm.onnx.OnnxScorer;
import polyphony.activities.lm.torch.TorchLogits;
import polyphony.activities.lm.torch.TorchTrainer;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * Every architecture against what Hugging Face transformers computes with the same files. The
 * folder {@code polyphony/parity} among the test resources holds the checkpoints, what is expected,
 * and {@code make_fixtures.py}, which made both.
 *
 * <p>Where the environment variable POLYPHONY_PARITY_EXPORT names a folder, trained models are left
 * there with their logits and the largest errors seen; {@code check_export.py} loads them into
 * transformers.
 */
public class TransformersParityTest {
  public static final Path FIXTURES = fixtures();
  private static final double TOLERANCE = 1e-4;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Those that the processor runs in 32-bit floats. */
  private static final List<GraphVariant> GRAPHS =
      List.of(
          GraphVariant.CPU,
          new GraphVariant(GraphVariant.Attention.GROUPED, GraphVariant.Precision.FLOAT32));

  @TempDir Path temporary;

  private static Path fixtures() {
    try {
      return Path.of(TransformersParityTest.class.getResource("/polyphony/parity").toURI());
    } catch (java.net.URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  public static Stream<String> variants() {
    try (Stream<Path> folders = Files.list(FIXTURES)) {
      return folders
          .filter(Files::isDirectory)
          .map(folder -> folder.getFileName().toString())
          .sorted()
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Stream<String> trainable() {
    return variants().filter(variant -> !variant.startsWith("gemma2"));
  }

  @ParameterizedTest
  @MethodSource("variants")
  void thePlainDecoderComputesTheSameLogits(String variant) {
    Fixture fixture = open(variant);
    ReferenceDecoder decoder = ReferenceDecoder.of(fixture.model());
    for (int i = 0; i < fixture.prompts().size(); i++) {
      double[][] logits = decoder.logits(fixture.prompts().get(i));
      float[][] expected = fixture.logits("logits." + i);
      for (int j = 0; j < expected.length; j++) {
        for (int token = 0; token < expected[j].length; token++) {
          assertThat(logits[logits.length - expected.length + j][token])
              .isCloseTo(expected[j][token], within(TOLERANCE));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("variants")
  void theScorerGivesTheSameDistributionsAloneAndInABatch(String variant) {
    Fixture fixture = open(variant);
    List<Text> texts = new ArrayList<>();
    List<double[][]> expected = new ArrayList<>();
    for (int i = 0; i < fixture.prompts().size(); i++) {
      int[] prompt = fixture.prompts().get(i);
      double[][] distributions =
          Arrays.stream(fixture.logits("logits." + i))
              .map(TransformersParityTest::logSoftmax)
              .toArray(double[][]::new);
      if (fixture.model().config().rotary().regimes() == 1) {
        // One token more, whatever it is, so that the last position is looked at too.
        int[] longer = Arrays.copyOf(prompt, prompt.length + 1);
        texts.add(new Text(longer, longer.length - distributions.length));
        expected.add(distributions);
      } else {
        int from = prompt.length - distributions.length + 1;
        texts.add(new Text(prompt, from));
        expected.add(Arrays.copyOf(distributions, prompt.length - from));
      }
    }
    for (GraphVariant graph : GRAPHS) {
      for (int tokensPerScoring : new int[] {1 << 12, 1}) {
        OnnxOptions options = new OnnxOptions(1, 256, tokensPerScoring).with(graph);
        try (OnnxScorer scorer = new OnnxScorer(fixture.model(), options)) {
          List<Scores> scores = scorer.score(texts);
          double greatest = 0;
          for (int i = 0; i < scores.size(); i++) {
            greatest =
                Math.max(
                    greatest, greatestError(scores.get(i).logDistributions(), expected.get(i)));
          }
          note(variant, "onnx logits", greatest);
          assertThat(greatest).isLessThanOrEqualTo(TOLERANCE);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("variants")
  void theSamplerContinuesGreedilyWithTheSameTokensAloneAndInABatch(String variant) {
    Fixture fixture = open(variant);
    List<Prompt> prompts = fixture.prompts().stream().map(prompt -> new Prompt(prompt, 1)).toList();
    SamplingSettings settings = new SamplingSettings(0, 1, 16);
    for (GraphVariant graph : GRAPHS) {
      for (int stepsPerRun : new int[] {256, 5}) {
        OnnxOptions options = new OnnxOptions(1, stepsPerRun, 2048).with(graph);
        try (OnnxSampler sampler = new OnnxSampler(fixture.model(), options)) {
          List<Continuation> together = sampler.sample(prompts, settings);
          for (int i = 0; i < prompts.size(); i++) {
            int[] expected = ints(fixture.expected().path("greedy").path(i));
            assertThat(together.get(i).tokens()).isEqualTo(expected);
            assertThat(sampler.sample(List.of(prompts.get(i)), settings).get(0).tokens())
                .isEqualTo(expected);
            assertThat(together.get(i).ended())
                .isEqualTo(fixture.model().endTokens().contains(expected[expected.length - 1]));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("variants")
  void bothBackendsHaveTheSameLogitsAfterTheLastTokenAlsoBeyondTheContext(String variant) {
    Fixture fixture = open(variant);
    LanguageModel model = fixture.model();
    List<int[]> texts = new ArrayList<>(fixture.prompts());
    List<float[][]> expected = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      expected.add(last(fixture.logits("logits." + i), 1));
    }
    if (fixture.expected().has("beyond")) {
      int[] beyond = ints(fixture.expected().path("beyond"));
      assertThat(beyond.length).isGreaterThan(model.config().maxPositions());
      texts.add(beyond);
      expected.add(fixture.logits("beyond"));
    }
    double onnx = 0;
    double torch = 0;
    for (int i = 0; i < texts.size(); i++) {
      for (GraphVariant graph : GRAPHS) {
        float[][] logits = {OnnxLogits.last(model, texts.get(i), OnnxOptions.DEFAULT.with(graph))};
        onnx = Math.max(onnx, greatestError(logits, expected.get(i)));
      }
      if (model.config().untrainable().isEmpty()) {
        float[][] others = {TorchLogits.last(model, texts.get(i))};
        torch = Math.max(torch, greatestError(others, expected.get(i)));
      }
    }
    note(variant, "onnx last logits", onnx);
    note(variant, "torch last logits", torch);
    assertThat(onnx).isLessThanOrEqualTo(TOLERANCE);
    assertThat(torch).isLessThanOrEqualTo(TOLERANCE);
  }

  @Test
  void tokensThatTheModelDoesNotHaveAreRefusedByBothBackends() {
    LanguageModel model = open("llama2").model();
    for (int[] tokens : new int[][] {{}, {-1}, {1, 61}}) {
      for (ThrowingCallable last :
          List.<ThrowingCallable>of(
              () -> OnnxLogits.last(model, tokens, OnnxOptions.DEFAULT),
              () -> TorchLogits.last(model, tokens))) {
        assertThatThrownBy(last)
            .isInstanceOfSatisfying(
                PolyphonyException.class,
                e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
            .hasMessageContaining("the list of tokens");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("trainable")
  void trainingHasTheSameLogitsLossesAndWeights(String variant) throws IOException {
    Fixture fixture = open(variant);
    LanguageModel model = fixture.model();
    Path export = temporary.resolve("export");
    copyJson(model.folder(), export);
    JsonNode training = fixture.expected().path("training");
    int[] prompt = fixture.prompts().get(0);
    try (TorchTrainer trainer =
        new TorchTrainer(
            model,
            new FixtureBatches(training),
            settings(training.path("settings")),
            Optional.empty())) {
      double greatest = 0;
      for (int i = 0; i < fixture.prompts().size(); i++) {
        float[][] expected = fixture.logits("logits." + i);
        float[][] logits = trainer.logits(fixture.prompts().get(i));
        greatest = Math.max(greatest, greatestError(last(logits, expected.length), expected));
      }
      note(variant, "torch logits", greatest);
      assertThat(greatest).isLessThanOrEqualTo(TOLERANCE);

      double greatestLoss = 0;
      for (JsonNode expected : training.path("losses")) {
        greatestLoss =
            Math.max(greatestLoss, Math.abs(trainer.next().loss() - expected.asDouble()));
      }
      note(variant, "losses", greatestLoss);
      assertThat(greatestLoss).isLessThanOrEqualTo(TOLERANCE);
      float[][] expected = fixture.logits("trained.0");
      double trained = greatestError(last(trainer.logits(prompt), expected.length), expected);
      note(variant, "logits after training", trained);
      // Five steps multiply the rounding of the first.
      assertThat(trained).isLessThanOrEqualTo(10 * TOLERANCE);
      trainer.saveWeights(export.resolve(Weights.FILE));
    }

    LanguageModel exported = LanguageModel.open(export);
    assertThat(exported.config()).isEqualTo(model.config());
    assertThat(exported.weights().tensors().keySet()).isEqualTo(model.weights().tensors().keySet());
    for (Weights.Tensor tensor : exported.weights().tensors().values()) {
      assertThat(tensor.type()).isEqualTo("F32");
      assertThat(tensor.shape()).isEqualTo(model.weights().tensor(tensor.name()).shape());
    }
    ReferenceDecoder decoder = ReferenceDecoder.of(exported);
    double[][] logits = decoder.logits(prompt);
    keep(variant, export, prompt, logits);
    float[][] expected = fixture.logits("trained.0");
    for (int j = 0; j < expected.length; j++) {
      for (int token = 0; token < expected[j].length; token++) {
        assertThat(logits[logits.length - expected.length + j][token])
            .isCloseTo(expected[j][token], within(10 * TOLERANCE));
      }
    }
  }

  @Test
  void aModelThatCannotBeTrainedIsRefusedByName() {
    LanguageModel model = open("gemma2").model();
    TrainingSettings settings =
        new TrainingSettings(
            1e-3, TrainingSettings.Schedule.CONSTANT, 0, 1, 0.9, 0.95, 1e-8, 0, 1, 4096, 1);
    assertThatThrownBy(
            () ->
                new TorchTrainer(
                    model, new FixtureBatches(JSON.createObjectNode()), settings, Optional.empty()))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining("Gemma2ForCausalLM");
  }

  private record Fixture(LanguageModel model, JsonNode expected, Weights tensors) {
    List<int[]> prompts() {
      List<int[]> prompts = new ArrayList<>();
      expected.path("prompts").forEach(prompt -> prompts.add(ints(prompt)));
      return prompts;
    }

    float[][] logits(String name) {
      float[] flat = tensors.floats(name);
      int width = model.config().vocabularySize();
      float[][] rows = new float[flat.length / width][];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = Arrays.copyOfRange(flat, i * width, (i + 1) * width);
      }
      return rows;
    }
  }

  /** The fixture as a whole model folder: it lacks a tokenizer, which plays no part here. */
  private Fixture open(String variant) {
    Path source = FIXTURES.resolve(variant);
    Path folder = temporary.resolve("model");
    TinyModels.untied(folder);
    try {
      Files.delete(folder.resolve(Weights.FILE));
      try (Stream<Path> files = Files.list(source)) {
        for (Path file :
            files.filter(f -> !f.getFileName().toString().startsWith("exp")).toList()) {
          Files.copy(file, folder.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        }
      }
      return new Fixture(
          LanguageModel.open(folder),
          JSON.readTree(source.resolve("expected.json").toFile()),
          Weights.open(source.resolve("expected.safetensors")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static TrainingSettings settings(JsonNode settings) {
    return new TrainingSettings(
        settings.path("learningRate").asDouble(),
        TrainingSettings.Schedule.CONSTANT,
        0,
        1,
        settings.path("beta1").asDouble(),
        settings.path("beta2").asDouble(),
        settings.path("epsilon").asDouble(),
        settings.path("weightDecay").asDouble(),
        settings.path("clipNorm").asDouble(),
        4096,
        1);
  }

  private static void copyJson(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
        if (!file.getFileName().toString().equals(Weights.INDEX)) {
          Files.copy(file, to.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }

  /** For the record, and for whoever loads the export elsewhere. */
  private static void note(String variant, String what, double error) {
    exportFolder()
        .ifPresent(
            folder -> {
              try {
                Files.createDirectories(folder);
                Files.writeString(
                    folder.resolve("errors.txt"),
                    String.format(Locale.ROOT, "%-20s %-22s %.1e%n", variant, what, error),
                    java.nio.file.StandardOpenOption.CREATE,
                    java.nio.file.StandardOpenOption.APPEND);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
  }

  private static void keep(String variant, Path export, int[] prompt, double[][] logits)
      throws IOException {
    if (exportFolder().isEmpty()) {
      return;
    }
    Path folder = exportFolder().get().resolve(variant);
    copyJson(export, folder);
    Files.copy(
        export.resolve(Weights.FILE),
        folder.resolve(Weights.FILE),
        StandardCopyOption.REPLACE_EXISTING);
    ObjectNode ours = JSON.createObjectNode();
    ours.set("prompt", JSON.valueToTree(prompt));
    ArrayNode rows = ours.putArray("logits");
    for (double[] row : logits) {
      rows.add(JSON.<JsonNode>valueToTree(row));
    }
    JSON.writeValue(folder.resolve("ours.json").toFile(), ours);
  }

  private static Optional<Path> exportFolder() {
    return Optional.ofNullable(System.getenv("POLYPHONY_PARITY_EXPORT")).map(Path::of);
  }

  private static float[][] last(float[][] rows, int count) {
    return Arrays.copyOfRange(rows, rows.length - count, rows.length);
  }

  private static double greatestError(float[][] actual, float[][] expected) {
    double[][] wide = new double[expected.length][];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = new double[expected[i].length];
      for (int j = 0; j < wide[i].length; j++) {
        wide[i][j] = expected[i][j];
      }
    }
    return greatestError(actual, wide);
  }

  private static double greatestError(float[][] actual, double[][] expected) {
    assertThat(actual.length).isEqualTo(expected.length);
    double greatest = 0;
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i].length).isEqualTo(expected[i].length);
      for (int j = 0; j < expected[i].length; j++) {
        double error = Math.abs(actual[i][j] - expected[i][j]);
        greatest = Double.isNaN(error) ? Double.POSITIVE_INFINITY : Math.max(greatest, error);
      }
    }
    return greatest;
  }

  private static double[] logSoftmax(float[] logits) {
    double[] wide = new double[logits.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = logits[i];
    }
    return ReferenceDecoder.logSoftmax(wide);
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.path(i).asInt();
    }
    return values;
  }
}
