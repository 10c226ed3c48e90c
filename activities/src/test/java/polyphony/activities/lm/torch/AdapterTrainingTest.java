package polyphony.activities.lm.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.FixtureBatches;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.ReferenceDecoder;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.TrainingSettings.Lora;
import polyphony.activities.lm.TrainingSettings.Schedule;
import polyphony.activities.lm.TransformersParityTest;
import polyphony.activities.lm.Weights;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * Adapters that are trained, against PEFT and against plain doubles. The folder {@code
 * polyphony/adapters} among the test resources holds what PEFT made; {@code
 * make_adapter_fixtures.py} in {@code polyphony/parity} wrote it.
 */
class AdapterTrainingTest {
  private static final Path FIXTURES = fixtures();
  private static final String LAST_B =
      "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight";

  @TempDir Path folder;

  private static Path fixtures() {
    try {
      return Path.of(AdapterTrainingTest.class.getResource("/polyphony/adapters").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Grouped heads; biases; packed projections; rotary positions of half a head; 16 bits. */
  static Stream<String> variants() throws IOException {
    try (Stream<Path> folders = Files.list(FIXTURES)) {
      return folders.map(each -> each.getFileName().toString()).sorted().toList().stream();
    }
  }

  private static LanguageModel fixture(String variant) {
    LanguageModel base =
        LanguageModel.openToCompute(TransformersParityTest.FIXTURES.resolve(variant));
    return base.with(Adapter.open(FIXTURES.resolve(variant), base.config()));
  }

  @ParameterizedTest
  @MethodSource("variants")
  void logitsGradientsLossesAndWeightsAreThoseOfPeft(String variant) throws IOException {
    LanguageModel model = fixture(variant);
    JsonNode expected =
        new ObjectMapper().readTree(FIXTURES.resolve(variant + "/expected.json").toFile());
    Weights tensors = Weights.open(FIXTURES.resolve(variant + "/expected.safetensors"));
    JsonNode training = expected.path("training");
    for (boolean recompute : new boolean[] {false, true}) {
      TrainingSettings settings =
          new TrainingSettings(
              training.path("settings").path("learningRate").asDouble(),
              Schedule.CONSTANT,
              0,
              1,
              training.path("settings").path("beta1").asDouble(),
              training.path("settings").path("beta2").asDouble(),
              training.path("settings").path("epsilon").asDouble(),
              training.path("settings").path("weightDecay").asDouble(),
              training.path("settings").path("clipNorm").asDouble(),
              4096,
              1,
              Optional.of(new Lora(model.adapter().orElseThrow().config(), 0)),
              recompute);
      try (TorchTrainer trainer =
          new TorchTrainer(model, new FixtureBatches(training), settings, Optional.empty())) {
        float[][] logits = trainer.logits(ints(expected.path("prompt")));
        assertThat(flat(logits)).containsExactly(tensors.floats("logits"), within(1e-4f));

        trainer
            .gradients(new FixtureBatches(training).batch(0))
            .forEach(
                (name, gradient) ->
                    assertThat(gradient)
                        .as(name)
                        .containsExactly(tensors.floats("gradient/" + name), within(1e-5f)));
        for (JsonNode loss : training.path("losses")) {
          assertThat(trainer.next().loss()).isCloseTo(loss.asDouble(), within(1e-4));
        }
        trainer.saveWeights(folder.resolve("trained"));
      }
      Weights trained = Weights.open(folder.resolve("trained"));
      for (String name : model.adapter().orElseThrow().weights().tensors().keySet()) {
        assertThat(trained.floats(name))
            .as(name)
            .containsExactly(tensors.floats("trained/" + name), within(1e-4f));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("variants")
  void gradientsAreCentralDifferencesOfTheMergedModelInDoubles(String variant) {
    LanguageModel model = fixture(variant);
    MergedTwin twin = new MergedTwin(model);
    List<TrainingExample> examples = TorchTrainerTest.examples(7, 3);
    try (TorchTrainer trainer =
        trainer(model, lora(model.adapter().orElseThrow().config(), 1000, 1, false))) {
      Random random = new Random(8);
      trainer
          .gradients(examples)
          .forEach(
              (name, gradient) -> {
                for (int k = 0; k < 2; k++) {
                  int i = random.nextInt(gradient.length);
                  double difference = twin.difference(name, i, examples);
                  assertThat((double) gradient[i])
                      .as("%s[%d]", name, i)
                      .isCloseTo(difference, within(1e-4 * Math.max(1, Math.abs(difference))));
                }
              });
      assertThat(trainer.loss(examples)).isCloseTo(twin.loss(examples), within(1e-4));
    }
  }

  /** {@code W + alpha / rank B A} in doubles, for every target. */
  private static final class MergedTwin {
    private static final double WIDTH = 1e-5;

    private final ReferenceDecoder base;
    private final ReferenceDecoder merged;
    private final AdapterConfig config;
    private final Map<String, double[]> adapter = new HashMap<>();

    MergedTwin(LanguageModel model) {
      base = ReferenceDecoder.of(model.base());
      merged = ReferenceDecoder.of(model.base());
      config = model.adapter().orElseThrow().config();
      Weights weights = model.adapter().orElseThrow().weights();
      for (String name : weights.tensors().keySet()) {
        float[] values = weights.floats(name);
        double[] doubles = new double[values.length];
        Arrays.setAll(doubles, i -> values[i]);
        adapter.put(name, doubles);
      }
      adapter.keySet().forEach(this::merge);
    }

    private void merge(String name) {
      String layer = name.replaceFirst("base_model\\.model\\.(.*)\\.lora_[AB]\\.weight", "$1");
      double[] a = adapter.get(Adapter.nameOfA(layer));
      double[] b = adapter.get(Adapter.nameOfB(layer));
      double[] weight = base.weights().get(layer + ".weight");
      double[] sum = merged.weights().get(layer + ".weight");
      int inputs = a.length / config.rank();
      for (int i = 0; i < weight.length; i++) {
        double product = 0;
        for (int k = 0; k < config.rank(); k++) {
          product += b[i / inputs * config.rank() + k] * a[k * inputs + i % inputs];
        }
        sum[i] = weight[i] + config.alpha() / config.rank() * product;
      }
    }

    double difference(String name, int i, List<TrainingExample> examples) {
      double[] matrix = adapter.get(name);
      double before = matrix[i];
      double[] losses = new double[2];
      for (int side = 0; side < 2; side++) {
        matrix[i] = before + (side == 0 ? WIDTH : -WIDTH);
        merge(name);
        losses[side] = merged.loss(examples);
      }
      matrix[i] = before;
      merge(name);
      return (losses[0] - losses[1]) / (2 * WIDTH);
    }

    double loss(List<TrainingExample> examples) {
      return merged.loss(examples);
    }
  }

  @Test
  void everyWeightOfAModelWithAnAdapterIsTrainedFromTheMergedOnes() {
    LanguageModel model = fixture("qwen2");
    List<TrainingExample> examples = TorchTrainerTest.examples(7, 3);
    try (TorchTrainer trainer = trainer(model, full(false))) {
      assertThat(trainer.loss(examples))
          .isCloseTo(new MergedTwin(model).loss(examples), within(1e-4));
      assertThat(trainer.gradients(examples).keySet())
          .isEqualTo(model.config().weightShapes().keySet());
    }
  }

  @Test
  void aNewAdapterChangesNothingAndItsMatrixIsUniformAndDependsOnTheSeedAlone() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    List<TrainingExample> examples = TorchTrainerTest.examples(7, 3);
    Weights first = newAdapter(model, 1, "first");
    Weights second = newAdapter(model, 1, "second");
    Weights other = newAdapter(model, 2, "other");
    try (TorchTrainer full = trainer(model, full(false));
        TorchTrainer lora = trainer(model, lora(adapter(0.5), 1000, 1, false))) {
      assertThat(lora.loss(examples)).isCloseTo(full.loss(examples), within(1e-6));
    }
    double squares = 0;
    int count = 0;
    for (Map.Entry<String, long[]> each : adapter(0).weightShapes(model.config()).entrySet()) {
      String name = each.getKey();
      float[] values = first.floats(name);
      assertThat(second.floats(name)).isEqualTo(values);
      if (name.endsWith("lora_B.weight")) {
        assertThat(values).containsOnly(0);
      } else {
        assertThat(other.floats(name)).isNotEqualTo(values);
        double bound = 1 / Math.sqrt((double) each.getValue()[1]);
        for (float value : values) {
          assertThat((double) value).isBetween(-bound, bound);
          squares += value / bound * value / bound;
          count++;
        }
      }
    }
    // The variance of what is uniform between -1 and 1.
    assertThat(squares / count).isCloseTo(1 / 3.0, within(0.03));
  }

  private Weights newAdapter(LanguageModel model, long seed, String name) {
    TrainingSettings settings = lora(adapter(0), seed, 1000, 1, false);
    try (TorchTrainer trainer = trainer(model, settings)) {
      trainer.saveWeights(folder.resolve(name));
    }
    return Weights.open(folder.resolve(name));
  }

  @ParameterizedTest
  @CsvSource({"1, false", "2, false", "1, true", "2, true"})
  void aTrainingWithDropoutThatWasSavedAndResumedGivesTheSameBytes(int lanes, boolean recompute) {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    TrainingSettings settings = lora(adapter(0.3), 40, lanes, recompute);
    Path straight = train(model, settings, TorchBases.unshared(), "straight");
    try (TorchTrainer first = trainer(model, settings)) {
      run(first, 3);
      first.saveState(folder.resolve("half"));
    }
    try (TorchTrainer second =
        new TorchTrainer(
            model, TorchTrainerTest.batches(6), settings, Optional.of(folder.resolve("half")))) {
      run(second, 3);
      second.saveState(folder.resolve("resumed"));
    }
    assertThat(folder.resolve("resumed")).hasSameBinaryContentAs(straight);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.3})
  void computingActivationsAgainChangesNoByteOfAnAdapter(double dropout) {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    Path kept = train(model, lora(adapter(dropout), 40, 2, false), TorchBases.unshared(), "kept");
    Path again = train(model, lora(adapter(dropout), 40, 2, true), TorchBases.unshared(), "again");
    assertThat(again).hasSameBinaryContentAs(kept);
  }

  @Test
  void computingActivationsAgainChangesNoByteOfUntiedWeights() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    Path kept = train(model, full(false), TorchBases.unshared(), "kept");
    Path again = train(model, full(true), TorchBases.unshared(), "again");
    assertThat(again).hasSameBinaryContentAs(kept);
  }

  /** A tied embedding's two gradients are added one after the other, not first to each other. */
  @ParameterizedTest
  @MethodSource("polyphony.activities.lm.TransformersParityTest#trainable")
  void computingActivationsAgainGivesTheSameGradients(String variant) {
    LanguageModel model =
        LanguageModel.openToCompute(TransformersParityTest.FIXTURES.resolve(variant));
    List<TrainingExample> examples = TorchTrainerTest.examples(7, 6);
    try (TorchTrainer kept = trainer(model, full(false));
        TorchTrainer again = trainer(model, full(true))) {
      Map<String, float[]> expected = kept.gradients(examples);
      again
          .gradients(examples)
          .forEach(
              (name, gradient) ->
                  assertThat(gradient).as(name).containsExactly(expected.get(name), within(1e-6f)));
    }
  }

  /** As long as B is 0, its gradient is linear in what dropout leaves of the input. */
  @Test
  void dropoutLeavesOutAnotherShareInEveryStepAndKeepsTheMean() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    List<TrainingExample> examples = TorchTrainerTest.examples(7, 6);
    Map<String, float[]> exact;
    try (TorchTrainer trainer = trainer(model, lora(adapter(0), 1000, 1, false))) {
      exact = trainer.gradients(examples);
    }
    int draws = 300;
    Map<String, double[]> means = new HashMap<>();
    Set<List<Float>> drawn = new HashSet<>();
    // At a rate of 0 nothing changes but the step.
    TrainingSettings settings =
        new TrainingSettings(
            0, Schedule.CONSTANT, 0, 1, 0.9, 0.95, 1e-8, 0, 0, 1000, 1, newLora(0.5), false);
    try (TorchTrainer trainer =
        new TorchTrainer(
            model, TrainingBatches.repeated(examples, draws), settings, Optional.empty())) {
      for (int draw = 0; draw < draws; draw++) {
        Map<String, float[]> gradients = trainer.gradients(examples);
        gradients.forEach(
            (name, gradient) -> {
              double[] mean = means.computeIfAbsent(name, n -> new double[gradient.length]);
              for (int i = 0; i < mean.length; i++) {
                mean[i] += gradient[i] / draws;
              }
            });
        drawn.add(List.of(gradients.get(LAST_B)[0], gradients.get(LAST_B)[1]));
        trainer.next();
      }
    }
    assertThat(drawn).hasSize(draws);
    exact.forEach(
        (name, gradient) -> {
          double alike = 0;
          double square = 0;
          for (int i = 0; i < gradient.length; i++) {
            alike += means.get(name)[i] * gradient[i];
            square += (double) gradient[i] * gradient[i];
          }
          if (square > 0) {
            assertThat(alike / square).as(name).isCloseTo(1, within(0.15));
          }
        });
  }

  @Test
  void trainingsOverOneBaseAtTheSameTimeEqualThoseAloneAndLeaveItAsItIs() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    TrainingSettings settings = lora(adapter(0.2), 40, 2, false);
    TrainingSettings other = lora(adapter(0), 2, 40, 1, true);
    Path alone = train(model, settings, TorchBases.unshared(), "alone");
    Path otherAlone = train(model, other, TorchBases.unshared(), "other-alone");
    TorchBases bases = TorchBases.shared();
    try (TorchBases.Lease base = bases.lease(model)) {
      List<float[]> before = values(base);

      CompletableFuture<Path> first =
          CompletableFuture.supplyAsync(() -> train(model, settings, bases, "first"));
      CompletableFuture<Path> second =
          CompletableFuture.supplyAsync(() -> train(model, other, bases, "second"));

      assertThat(first.join()).hasSameBinaryContentAs(alone);
      assertThat(second.join()).hasSameBinaryContentAs(otherAlone);
      assertThat(values(base)).usingRecursiveComparison().isEqualTo(before);
    }
    assertThat(bases.loads()).isEqualTo(1);
    bases.giveUpIdle();
  }

  private static List<float[]> values(TorchBases.Lease base) {
    return base.weights().stream().map(each -> each.toFloatArray()).toList();
  }

  @Test
  void aBaseIsLoadedOnceForAdaptersOneAfterAnotherAndKeptUntilItIsInTheWay() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    LanguageModel other = TinyModels.random(folder.resolve("other"), TinyModels.config(true), 3);
    TorchBases bases = TorchBases.shared();
    for (int agent = 0; agent < 3; agent++) {
      train(model, lora(adapter(0), agent, 40, 1, false), bases, "agent");
    }
    assertThat(bases.loads()).isEqualTo(1);
    assertThat(bases.idleBytes()).isEqualTo(4 * model.config().parameters());

    train(other, lora(adapter(0), 40, 1, false), bases, "other-agent");
    assertThat(bases.loads()).isEqualTo(2);
    assertThat(bases.idleBytes()).isEqualTo(4 * other.config().parameters());

    try (TorchBases.Lease used = bases.lease(other)) {
      bases.giveUpIdle();
      assertThat(used.weights().get(0).toFloatArray()).isNotEmpty();
    }
    assertThat(bases.loads()).isEqualTo(2);
    long kept = bases.idleBytes();
    bases.makeRoom(1000, kept + 1000);
    assertThat(bases.idleBytes()).isEqualTo(kept);
    bases.makeRoom(1000, kept + 999);
    assertThat(bases.idleBytes()).isZero();
    bases.lease(other).close();
    assertThat(bases.loads()).isEqualTo(3);
    bases.giveUpIdle();
  }

  @Test
  void aBaseThatIsSharedWithNobodyIsFreedAtOnce() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    TorchBases bases = TorchBases.unshared();
    train(model, lora(adapter(0), 40, 1, false), bases, "adapter");
    assertThat(bases.idleBytes()).isZero();
  }

  @Test
  void aSavedAdapterOpensAndIsGoneOnWith() throws IOException {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    List<TrainingExample> examples = TorchTrainerTest.examples(7, 3);
    Path saved = Files.createDirectory(folder.resolve("adapter"));
    double loss;
    try (TorchTrainer trainer = trainer(model, lora(adapter(0.1), 40, 1, false))) {
      run(trainer, 6);
      trainer.saveWeights(saved.resolve(Adapter.WEIGHTS));
      loss = trainer.loss(examples);
    }
    adapter(0.1).write(saved.resolve(Adapter.CONFIG), Optional.empty());

    LanguageModel tuned = model.with(Adapter.open(saved, model.config()));
    assertThat(tuned.adapter().orElseThrow().weights().metadata()).containsEntry("format", "pt");
    assertThat(new MergedTwin(tuned).loss(examples)).isCloseTo(loss, within(1e-4));
    try (TorchTrainer further = trainer(tuned, lora(adapter(0.4), 7, 40, 1, false))) {
      assertThat(further.loss(examples)).isEqualTo(loss);
    }
  }

  @Test
  void anAdapterOfAnotherShapeIsNotGoneOnWith() {
    LanguageModel model = fixture("qwen2");
    AdapterConfig own = model.adapter().orElseThrow().config();
    for (AdapterConfig other :
        List.of(
            new AdapterConfig(own.rank() + 1, own.alpha(), 0, own.targets()),
            new AdapterConfig(own.rank(), own.alpha() + 1, 0, own.targets()),
            new AdapterConfig(own.rank(), own.alpha(), 0, new TreeSet<>(Set.of("q_proj"))))) {
      assertRefused(
          () -> trainer(model, lora(other, 40, 1, false)),
          "the adapter to go on with has rank 5, alpha 12.5",
          "set the same, or start from the base");
    }
  }

  @Test
  void settingsThatAreNoAdapterOfTheModelAreRefused() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    TreeSet<String> targets = new TreeSet<>(Set.of("q_proj"));
    for (AdapterConfig wrong :
        List.of(
            new AdapterConfig(0, 8, 0, targets),
            new AdapterConfig(4, 0, 0, targets),
            new AdapterConfig(4, Double.NaN, 0, targets),
            new AdapterConfig(4, 8, 1, targets),
            new AdapterConfig(4, 8, -0.1, targets))) {
      assertRefused(
          () -> trainer(model, lora(wrong, 40, 1, false)), "rank of at least 1, a positive alpha");
    }
    for (Set<String> wrong : List.of(Set.<String>of(), Set.of("q_proj", "qkv_proj"))) {
      assertRefused(
          () ->
              trainer(model, lora(new AdapterConfig(4, 8, 0, new TreeSet<>(wrong)), 40, 1, false)),
          "linear layers of the model, which are down_proj, gate_proj, k_proj,");
    }
  }

  private static void assertRefused(ThrowingCallable call, String... message) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContainingAll(message);
  }

  /** The state after all of six steps. */
  private Path train(
      LanguageModel model, TrainingSettings settings, TorchBases bases, String name) {
    try (TorchTrainer trainer =
        new TorchTrainer(model, TorchTrainerTest.batches(6), settings, Optional.empty(), bases)) {
      run(trainer, 6);
      trainer.saveState(folder.resolve(name));
    }
    return folder.resolve(name);
  }

  private static void run(Trainer trainer, int steps) {
    for (int i = 0; i < steps; i++) {
      trainer.next();
    }
  }

  private static TorchTrainer trainer(LanguageModel model, TrainingSettings settings) {
    return new TorchTrainer(model, TorchTrainerTest.batches(6), settings, Optional.empty());
  }

  private static AdapterConfig adapter(double dropout) {
    return new AdapterConfig(
        4, 6, dropout, new TreeSet<>(Set.of("q_proj", "v_proj", "o_proj", "up_proj", "down_proj")));
  }

  private static Optional<Lora> newLora(double dropout) {
    return Optional.of(new Lora(adapter(dropout), 1));
  }

  private static TrainingSettings lora(
      AdapterConfig adapter, int microBatchTokens, int lanes, boolean recompute) {
    return lora(adapter, 1, microBatchTokens, lanes, recompute);
  }

  private static TrainingSettings lora(
      AdapterConfig adapter, long seed, int microBatchTokens, int lanes, boolean recompute) {
    return settings(microBatchTokens, lanes, Optional.of(new Lora(adapter, seed)), recompute);
  }

  private static TrainingSettings full(boolean recompute) {
    return settings(40, 1, Optional.empty(), recompute);
  }

  private static TrainingSettings settings(
      int microBatchTokens, int lanes, Optional<Lora> lora, boolean recompute) {
    return new TrainingSettings(
        1e-2,
        Schedule.COSINE,
        2,
        0.1,
        0.9,
        0.95,
        1e-2,
        0.1,
        1.0,
        microBatchTokens,
        lanes,
        lora,
        recompute);
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    Arrays.setAll(values, i -> array.get(i).asInt());
    return values;
  }

  private static float[] flat(float[][] rows) {
    float[] flat = new float[rows.length * rows[0].length];
    for (int row = 0; row < rows.length; row++) {
      System.arraycopy(rows[row], 0, flat, row * rows[row].length, rows[row].length);
    }
    return flat;
  }
}
