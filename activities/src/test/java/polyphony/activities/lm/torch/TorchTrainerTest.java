package polyphony.activities.lm.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.ReferenceDecoder;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.Trainer.StepReport;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.TrainingSettings.Schedule;
import polyphony.activities.lm.Weights;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class TorchTrainerTest {
  @TempDir Path folder;

  /** Tied and untied heads; heads that share keys or not; heads wider than the hidden size. */
  static List<DecoderConfig> configurations() {
    return List.of(
        TinyModels.config(true),
        TinyModels.config(false),
        new DecoderConfig(26, 20, 3, 4, 4, 6, 28, 500000.0, 1e-6, 96, false));
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void logitsEqualTheReference(DecoderConfig config) {
    LanguageModel model = TinyModels.random(folder, config, 5);
    int[] tokens = {1, 20, 5, 9, 13, 4, 4, 25, 0, 2};

    try (TorchTrainer trainer = trainer(model, settings(1000, 1))) {
      float[][] logits = trainer.logits(tokens);

      double[][] expected = ReferenceDecoder.of(model).logits(tokens);
      for (int i = 0; i < tokens.length; i++) {
        for (int token = 0; token < expected[i].length; token++) {
          assertThat((double) logits[i][token]).isCloseTo(expected[i][token], within(1e-4));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void lossAndGradientsEqualTheReferenceAndItsCentralDifferences(DecoderConfig config) {
    LanguageModel model = TinyModels.random(folder, config, 6);
    ReferenceDecoder reference = ReferenceDecoder.of(model);
    List<TrainingExample> examples = examples(7, 3);
    try (TorchTrainer trainer = trainer(model, settings(1000, 1))) {
      Map<String, float[]> gradients = trainer.gradients(examples);

      Random random = new Random(8);
      double width = 1e-5;
      gradients.forEach(
          (name, gradient) -> {
            double[] weight = reference.weights().get(name);
            for (int k = 0; k < 4; k++) {
              int i = random.nextInt(weight.length);
              double before = weight[i];
              weight[i] = before + width;
              double above = reference.loss(examples);
              weight[i] = before - width;
              double below = reference.loss(examples);
              weight[i] = before;
              assertThat((double) gradient[i])
                  .as("%s[%d]", name, i)
                  .isCloseTo((above - below) / (2 * width), within(2e-5));
            }
          });
      assertThat(trainer.next().loss())
          .isCloseTo(reference.loss(batches(6).batch(0)), within(1e-4));
    }
  }

  @Test
  void theLossWithoutAStepEqualsTheReferenceAndChangesNothing() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    List<TrainingExample> examples = batches(6).batch(0);
    try (TorchTrainer once = trainer(model, settings(64, 1));
        TorchTrainer undisturbed = trainer(model, settings(64, 1))) {
      assertThat(once.loss(examples))
          .isCloseTo(ReferenceDecoder.of(model).loss(examples), within(1e-4));
      assertThat(once.next()).isEqualTo(undisturbed.next());
    }
  }

  @Test
  void microBatchesAndLanesOfAnySizeGiveTheSameUpdate() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    Map<String, float[]> whole = weightsAfter(model, settings(1000, 1), 3);
    for (TrainingSettings settings :
        List.of(settings(1, 1), settings(40, 1), settings(40, 2), settings(1000, 2))) {
      Map<String, float[]> cut = weightsAfter(model, settings, 3);
      whole.forEach(
          (name, expected) ->
              assertThat(cut.get(name))
                  .as("%s %s", name, settings)
                  .containsExactly(expected, within(1e-6f)));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void equalTrainingsGiveEqualBytes(int lanes) {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    for (String name : List.of("a", "b", "c")) {
      try (TorchTrainer trainer = trainer(model, settings(40, lanes))) {
        run(trainer, 6);
        trainer.saveState(folder.resolve(name));
      }
    }
    assertThat(folder.resolve("b")).hasSameBinaryContentAs(folder.resolve("a"));
    assertThat(folder.resolve("c")).hasSameBinaryContentAs(folder.resolve("a"));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aTrainingThatWasSavedAndResumedGivesTheSameBytes(int lanes) {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    TrainingSettings settings = settings(60, lanes);
    try (TorchTrainer straight = trainer(model, settings)) {
      run(straight, 6);
      straight.saveState(folder.resolve("straight"));
    }
    try (TorchTrainer first = trainer(model, settings)) {
      run(first, 3);
      first.saveState(folder.resolve("half"));
    }
    try (TorchTrainer second =
        new TorchTrainer(model, batches(6), settings, Optional.of(folder.resolve("half")))) {
      assertThat(second.step()).isEqualTo(3);
      run(second, 3);
      second.saveState(folder.resolve("resumed"));
    }
    assertThat(folder.resolve("resumed")).hasSameBinaryContentAs(folder.resolve("straight"));
  }

  @Test
  void trainingsInTwoThreadsAtOnceEqualThoseOneAfterTheOther() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    Path alone = train(model, "alone");

    CompletableFuture<Path> first = CompletableFuture.supplyAsync(() -> train(model, "first"));
    CompletableFuture<Path> second = CompletableFuture.supplyAsync(() -> train(model, "second"));

    assertThat(first.join()).hasSameBinaryContentAs(alone);
    assertThat(second.join()).hasSameBinaryContentAs(alone);
  }

  private Path train(LanguageModel model, String name) {
    try (TorchTrainer trainer = trainer(model, settings(40, 2))) {
      run(trainer, 6);
      trainer.saveState(folder.resolve(name));
    }
    return folder.resolve(name);
  }

  @Test
  void tokensOutsideTheMaskAreContextButNotTargets() {
    LanguageModel model = TinyModels.untied(folder);
    TrainingExample base = example(new int[] {1, 5, 6, 7, 8, 9}, 3, 4);
    try (TorchTrainer trainer = trainer(model, settings(1000, 1))) {
      Map<String, float[]> gradients = trainer.gradients(List.of(base));

      Map<String, float[]> otherEnd =
          trainer.gradients(List.of(example(new int[] {1, 5, 6, 7, 8, 20}, 3, 4)));
      Map<String, float[]> otherContext =
          trainer.gradients(List.of(example(new int[] {1, 20, 6, 7, 8, 9}, 3, 4)));

      gradients.forEach((name, value) -> assertThat(otherEnd.get(name)).isEqualTo(value));
      assertThat(otherContext.get("lm_head.weight")).isNotEqualTo(gradients.get("lm_head.weight"));
    }
  }

  @Test
  void paddingDoesNotInfluenceTheGradient() {
    LanguageModel model = TinyModels.untied(folder);
    TrainingExample shorter = example(new int[] {1, 5, 6}, 1, 2);
    TrainingExample longer = example(new int[] {1, 9, 8, 7, 6, 5, 4, 3}, 3, 6, 7);
    try (TorchTrainer together = trainer(model, settings(1000, 1))) {
      Map<String, float[]> padded = together.gradients(List.of(shorter, longer));
      Map<String, float[]> first = together.gradients(List.of(shorter));
      Map<String, float[]> second = together.gradients(List.of(longer));

      padded.forEach(
          (name, values) -> {
            for (int i = 0; i < values.length; i++) {
              float expected = (2 * first.get(name)[i] + 3 * second.get(name)[i]) / 5;
              assertThat(values[i]).as(name).isCloseTo(expected, within(1e-6f));
            }
          });
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.5})
  void theUpdateEqualsAdamWInDoubles(double clipNorm) {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    TrainingSettings settings =
        new TrainingSettings(
            3e-2, Schedule.LINEAR, 2, 0.2, 0.9, 0.95, 1e-3, 0.3, clipNorm, 1000, 1);
    TrainingBatches batches = batches(6);
    AdamWTwin twin = new AdamWTwin(settings, ReferenceDecoder.of(model).weights());
    try (TorchTrainer trainer = new TorchTrainer(model, batches, settings, Optional.empty())) {
      for (int step = 0; step < batches.steps(); step++) {
        Map<String, float[]> gradients = trainer.gradients(batches.batch(step));
        StepReport report = trainer.next();

        assertThat(report.gradientNorm())
            .isCloseTo(twin.update(gradients, step, batches.steps()), within(1e-5));
        assertThat(report.learningRate()).isEqualTo(settings.learningRate(step, batches.steps()));
        assertThat(report.step()).isEqualTo(step);
      }
      trainer.saveWeights(folder.resolve("after"));
    }
    Weights after = Weights.open(folder.resolve("after"));
    twin.weights.forEach(
        (name, expected) -> {
          float[] values = after.floats(name);
          for (int i = 0; i < values.length; i++) {
            assertThat((double) values[i]).as(name).isCloseTo(expected[i], within(2e-6));
          }
        });
  }

  /** AdamW as in Loshchilov and Hutter, algorithm 2, with clipping, written down plainly. */
  private static final class AdamWTwin {
    private final TrainingSettings settings;
    private final Map<String, double[]> weights;
    private final Map<String, double[]> firsts = new LinkedHashMap<>();
    private final Map<String, double[]> seconds = new LinkedHashMap<>();

    AdamWTwin(TrainingSettings settings, Map<String, double[]> weights) {
      this.settings = settings;
      this.weights = weights;
    }

    double update(Map<String, float[]> gradients, int step, int steps) {
      double squares = 0;
      for (float[] gradient : gradients.values()) {
        for (float each : gradient) {
          squares += (double) each * each;
        }
      }
      double norm = Math.sqrt(squares);
      boolean clipped = settings.clipNorm() > 0 && norm > settings.clipNorm();
      double scale = clipped ? settings.clipNorm() / norm : 1;
      double rate = settings.learningRate(step, steps);
      gradients.forEach(
          (name, gradient) -> {
            double[] weight = weights.get(name);
            double[] first = firsts.computeIfAbsent(name, n -> new double[weight.length]);
            double[] second = seconds.computeIfAbsent(name, n -> new double[weight.length]);
            double decay = name.endsWith("norm.weight") ? 0 : settings.weightDecay();
            for (int i = 0; i < weight.length; i++) {
              double g = scale * gradient[i];
              first[i] = settings.beta1() * first[i] + (1 - settings.beta1()) * g;
              second[i] = settings.beta2() * second[i] + (1 - settings.beta2()) * g * g;
              double mean = first[i] / (1 - Math.pow(settings.beta1(), step + 1));
              double square = second[i] / (1 - Math.pow(settings.beta2(), step + 1));
              weight[i] -=
                  rate * (mean / (Math.sqrt(square) + settings.epsilon()) + decay * weight[i]);
            }
          });
      return norm;
    }
  }

  @Test
  void aStepReportsWhatItProcessed() {
    LanguageModel model = TinyModels.untied(folder);
    List<TrainingExample> examples =
        List.of(
            example(new int[] {1, 5, 6, 7}, 2, 3),
            example(new int[] {1, 5, 6, 7, 8}, 4),
            example(new int[] {1, 5, 6}));
    try (TorchTrainer trainer =
        new TorchTrainer(
            model, TrainingBatches.repeated(examples, 1), settings(1000, 1), Optional.empty())) {
      StepReport report = trainer.next();

      assertThat(report.tokens()).isEqualTo(3 + 4);
      assertThat(report.trainedTokens()).isEqualTo(3);
      assertThat(report.loss()).isCloseTo(ReferenceDecoder.of(model).loss(examples), within(1e-4));
      assertThat(trainer.step()).isEqualTo(1);
      assertThatThrownBy(trainer::next).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void lossFallsToNearZeroOnThreeTextsAndNoNativeArrayIsLeft() {
    LanguageModel model = TinyModels.tied(folder);
    TrainingBatches batches = TrainingBatches.repeated(examples(3, 3), 150);
    TrainingSettings settings =
        new TrainingSettings(1e-2, Schedule.COSINE, 5, 0.1, 0.9, 0.95, 1e-8, 0, 1, 20, 2);
    try (TorchTrainer trainer = new TorchTrainer(model, batches, settings, Optional.empty())) {
      double before = trainer.next().loss();
      run(trainer, 20);
      int arrays = trainer.nativeArrays();
      run(trainer, 128);
      StepReport last = trainer.next();

      assertThat(before).isGreaterThan(2);
      assertThat(last.loss()).isLessThan(0.3);
      assertThat(trainer.nativeArrays()).isEqualTo(arrays);
    }
  }

  @Test
  void savedWeightsOpenAsALanguageModel() throws IOException {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    Path tuned = Files.createDirectory(folder.resolve("tuned"));
    try (Stream<Path> files = Files.list(model.folder())) {
      for (Path file : files.toList()) {
        Files.copy(file, tuned.resolve(file.getFileName()));
      }
    }
    int[] tokens = {1, 20, 5, 9, 13};
    float[][] logits;
    try (TorchTrainer trainer = trainer(model, settings(1000, 1))) {
      run(trainer, 6);
      trainer.saveWeights(tuned.resolve("model.safetensors"));
      logits = trainer.logits(tokens);
    }
    try (TorchTrainer reopened = trainer(LanguageModel.open(tuned), settings(1000, 1))) {
      assertThat(reopened.logits(tokens)).isDeepEqualTo(logits);
      assertThat(Weights.open(tuned.resolve("model.safetensors")).metadata())
          .containsEntry("format", "pt");
    }
  }

  @Test
  void aLossThatIsNotANumberIsRefused() {
    LanguageModel model = TinyModels.untied(folder);
    Map<String, FloatBuffer> weights = new LinkedHashMap<>();
    for (String name : model.config().weightShapes().keySet()) {
      weights.put(name, FloatBuffer.wrap(model.weights().floats(name)));
    }
    weights.get("model.norm.weight").put(3, Float.NaN);
    Weights.write(
        folder.resolve("model.safetensors"), weights, model.config().weightShapes(), Map.of());

    try (TorchTrainer trainer = trainer(LanguageModel.open(folder), settings(1000, 2))) {
      assertRefused(trainer::next, ErrorClass.DATA, "step 0: the loss is NaN");
      assertThat(trainer.step()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 26, Integer.MAX_VALUE})
  void aTokenOutsideTheVocabularyIsRefused(int token) {
    assertStepRefused(example(new int[] {1, token, 3}, 2), "token id " + token);
  }

  @Test
  void aTextLongerThanTheContextIsRefused() {
    assertStepRefused(example(new int[97], 2), "97 tokens");
  }

  @Test
  void aStepWithoutTrainedTokensIsRefused() {
    assertStepRefused(example(new int[] {1, 2, 3}), "step 0 has no token to train on");
  }

  private void assertStepRefused(TrainingExample example, String message) {
    LanguageModel model = TinyModels.untied(folder);
    TrainingBatches batches = TrainingBatches.repeated(List.of(example), 1);
    try (TorchTrainer trainer =
        new TorchTrainer(model, batches, settings(1000, 1), Optional.empty())) {
      assertRefused(trainer::next, ErrorClass.DATA, message);
    }
  }

  @Test
  void settingsWithoutLanesAreRefused() {
    LanguageModel model = TinyModels.untied(folder);

    assertRefused(() -> trainer(model, settings(1000, 0)), ErrorClass.CONFIG, "lanes");
    assertRefused(() -> trainer(model, settings(0, 1)), ErrorClass.CONFIG, "microBatchTokens");
  }

  @Test
  void theStateOfAnotherTrainingIsRefused() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    LanguageModel other = TinyModels.random(folder.resolve("other"), configurations().get(2), 1);
    Path state = folder.resolve("state");
    try (TorchTrainer trainer = trainer(model, settings(1000, 1))) {
      run(trainer, 4);
      trainer.saveState(state);
    }

    assertResumeRefused(other, 6, state, "another model's training");
    assertResumeRefused(model, 3, state, "has done 4 steps, but the training has 3");
    assertResumeRefused(
        model, 6, model.folder().resolve("model.safetensors"), "not the state of a training");
  }

  private static void assertResumeRefused(
      LanguageModel model, int steps, Path state, String message) {
    assertRefused(
        () -> new TorchTrainer(model, batches(steps), settings(1000, 1), Optional.of(state)),
        ErrorClass.DATA,
        message);
  }

  private static void assertRefused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call,
      ErrorClass errorClass,
      String message) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(errorClass))
        .hasMessageContaining(message);
  }

  private Map<String, float[]> weightsAfter(
      LanguageModel model, TrainingSettings settings, int steps) {
    Path file = folder.resolve("after.safetensors");
    try (TorchTrainer trainer = trainer(model, settings)) {
      run(trainer, steps);
      trainer.saveWeights(file);
    }
    Weights weights = Weights.open(file);
    Map<String, float[]> values = new LinkedHashMap<>();
    weights.tensors().keySet().forEach(name -> values.put(name, weights.floats(name)));
    return values;
  }

  private static void run(Trainer trainer, int steps) {
    for (int i = 0; i < steps; i++) {
      trainer.next();
    }
  }

  /** A large epsilon, so that Adam does not blow up the rounding of gradients near zero. */
  private static TrainingSettings settings(int microBatchTokens, int lanes) {
    return new TrainingSettings(
        1e-2, Schedule.COSINE, 2, 0.1, 0.9, 0.95, 1e-2, 0.1, 1.0, microBatchTokens, lanes);
  }

  private static TorchTrainer trainer(LanguageModel model, TrainingSettings settings) {
    return new TorchTrainer(model, batches(6), settings, Optional.empty());
  }

  static TrainingBatches batches(int steps) {
    return new TrainingBatches() {
      @Override
      public int steps() {
        return steps;
      }

      @Override
      public List<TrainingExample> batch(int step) {
        return examples(100 + step, 6);
      }
    };
  }

  private static TrainingExample example(int[] tokens, int... trained) {
    boolean[] mask = new boolean[tokens.length];
    for (int each : trained) {
      mask[each] = true;
    }
    return new TrainingExample(tokens, mask);
  }

  /** Random texts of 4 to 15 tokens, trained after the first few. */
  static List<TrainingExample> examples(int seed, int count) {
    Random random = new Random(seed);
    List<TrainingExample> examples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] tokens = random.ints(4 + random.nextInt(12), 3, 26).toArray();
      boolean[] trained = new boolean[tokens.length];
      Arrays.fill(trained, 1 + random.nextInt(3), tokens.length - random.nextInt(2), true);
      trained[1 + random.nextInt(3)] = true;
      examples.add(new TrainingExample(tokens, trained));
    }
    return examples;
  }
}
