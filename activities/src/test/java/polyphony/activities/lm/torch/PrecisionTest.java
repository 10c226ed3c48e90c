package polyphony.activities.lm.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.RandomModel;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.TrainingSettings.Schedule;
import polyphony.activities.lm.Weights;

/** Training in bfloat16 with 32-bit masters, held against training in 32 bits. */
class PrecisionTest {
  private static final int STEPS = 6;

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "Llama, false, false", "Llama, false, true", "Llama, true, false", "Llama, true, true",
    "Qwen2, false, false", "Qwen2, true, true", "Phi3, false, true", "Phi3, true, false",
    "Mistral, false, false"
  })
  void lossesOfHalvesAreThoseOf32Bits(String architecture, boolean lora, boolean recompute)
      throws IOException {
    LanguageModel model = model(architecture);
    double[] expected = losses(model, settings(model, lora, recompute, 3e-3), Precision.FLOAT32);
    double[] found = losses(model, settings(model, lora, recompute, 3e-3), Precision.BFLOAT16);

    for (int step = 0; step < STEPS; step++) {
      assertThat(found[step]).isCloseTo(expected[step], within(0.01 * expected[step]));
    }
    assertThat(found).as("not the same computation").isNotEqualTo(expected);
    assertThat(found[STEPS - 1]).as("something is learnt").isLessThan(0.97 * found[0]);
  }

  @ParameterizedTest
  @CsvSource({"Llama, false", "Llama, true", "Qwen2, false", "Phi3, true"})
  void gradientsOfHalvesAreCloseTo32BitsForEveryWeight(String architecture, boolean lora)
      throws IOException {
    LanguageModel model = model(architecture);
    TrainingSettings settings = settings(model, lora, false, 3e-3);
    // A new adapter's B is 0, and so is then the gradient of A: one step makes it something.
    Path state = folder.resolve("state");
    try (TorchTrainer trainer = trainer(model, settings, Optional.empty(), Precision.FLOAT32)) {
      run(trainer, 1);
      trainer.saveState(state);
    }
    Map<String, float[]> expected = gradients(model, settings, state, Precision.FLOAT32);
    Map<String, float[]> found = gradients(model, settings, state, Precision.BFLOAT16);

    assertThat(found.keySet()).isEqualTo(expected.keySet());
    found.forEach(
        (name, gradient) ->
            assertThat(difference(expected.get(name), gradient))
                .as(name)
                // But for their turning, a key's bias moves all scores of a query alike: only
                // little is left of its gradient.
                .isLessThan(name.endsWith("k_proj.bias") ? 0.1 : 0.04));
  }

  @Test
  void computingAgainChangesNothing() throws IOException {
    LanguageModel model = model("Llama");

    assertThat(losses(model, settings(model, false, true, 3e-3), Precision.BFLOAT16))
        .isEqualTo(losses(model, settings(model, false, false, 3e-3), Precision.BFLOAT16));
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void aTrainingGoesOnToTheSameBytes(boolean lora) throws IOException {
    LanguageModel model = model("Llama");
    TrainingSettings settings = settings(model, lora, false, 3e-3);
    Path state = folder.resolve("state");
    try (TorchTrainer through = trainer(model, settings, Optional.empty(), Precision.BFLOAT16)) {
      run(through, STEPS);
      through.saveWeights(folder.resolve("through"));
    }
    try (TorchTrainer first = trainer(model, settings, Optional.empty(), Precision.BFLOAT16)) {
      run(first, 2);
      first.saveState(state);
    }
    try (TorchTrainer second = trainer(model, settings, Optional.of(state), Precision.BFLOAT16)) {
      run(second, STEPS - 2);
      second.saveWeights(folder.resolve("resumed"));
    }

    assertThat(folder.resolve("resumed")).hasSameBinaryContentAs(folder.resolve("through"));
  }

  @Test
  void mastersKeepWhatEightBitsWouldLose() throws IOException {
    LanguageModel model = model("Llama");
    Path after = folder.resolve("after");
    // AdamW's first step is about the rate: far less than half a unit in the last place of most.
    TrainingSettings settings = settings(model, false, false, 1e-7);
    try (TorchTrainer trainer = trainer(model, settings, Optional.empty(), Precision.BFLOAT16)) {
      run(trainer, 1);
      trainer.saveWeights(after);
    }

    Weights tuned = Weights.open(after);
    for (String name : tuned.tensors().keySet()) {
      assertThat(tuned.tensor(name).type()).isEqualTo("F32");
      float[] before = model.weights().floats(name);
      float[] now = tuned.floats(name);
      int moved = 0;
      for (int i = 0; i < now.length; i++) {
        moved += now[i] != before[i] ? 1 : 0;
        assertThat(now[i]).isCloseTo(before[i], within(3e-7f));
      }
      // An embedding moves where its token was read alone.
      assertThat(moved).as(name).isGreaterThan(now.length / 4);
    }
  }

  @Test
  void theBaseBelowAnAdapterTakesHalfOfTheMemory() throws IOException {
    LanguageModel model = model("Llama");
    double halves = bytes(model, Precision.BFLOAT16);

    // The norms' are few, and stay.
    assertThat(halves / bytes(model, Precision.FLOAT32)).isBetween(0.5, 0.51);
  }

  private static double bytes(LanguageModel model, Precision precision) {
    TorchBases bases = TorchBases.shared(Device.CPU, precision);
    bases.lease(model).close();
    double bytes = bases.idleBytes();
    bases.giveUpIdle();
    return bytes;
  }

  private LanguageModel model(String architecture) throws JsonProcessingException {
    ObjectNode config =
        new ObjectMapper()
            .readValue(
                """
                {"vocab_size": 101, "hidden_size": 64, "intermediate_size": 96,
                 "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
                 "max_position_embeddings": 64, "pad_token_id": 0}
                """,
                ObjectNode.class);
    config.putArray("architectures").add(architecture + "ForCausalLM");
    if (architecture.equals("Phi3")) {
      config.put("original_max_position_embeddings", 64);
    } else if (architecture.equals("Mistral")) {
      // Narrower than the texts: a mask is given.
      config.put("sliding_window", 7);
    }
    return RandomModel.write(folder.resolve(architecture), config, 3);
  }

  private static TrainingSettings settings(
      LanguageModel model, boolean lora, boolean recompute, double rate) {
    Optional<TrainingSettings.Lora> adapter =
        lora
            ? Optional.of(
                new TrainingSettings.Lora(
                    new AdapterConfig(8, 32, 0.1, model.config().linearLayers()), 5))
            : Optional.empty();
    return new TrainingSettings(
        rate, Schedule.CONSTANT, 0, 1, 0.9, 0.95, 1e-8, 0.1, 1, 60, 1, adapter, recompute);
  }

  private static TorchTrainer trainer(
      LanguageModel model, TrainingSettings settings, Optional<Path> state, Precision precision) {
    return new TorchTrainer(model, batches(model), settings, state, TorchBases.unshared(precision));
  }

  private static double[] losses(
      LanguageModel model, TrainingSettings settings, Precision precision) {
    try (TorchTrainer trainer = trainer(model, settings, Optional.empty(), precision)) {
      double[] losses = new double[STEPS];
      for (int step = 0; step < STEPS; step++) {
        losses[step] = trainer.next().loss();
      }
      return losses;
    }
  }

  private static Map<String, float[]> gradients(
      LanguageModel model, TrainingSettings settings, Path state, Precision precision) {
    try (TorchTrainer trainer = trainer(model, settings, Optional.of(state), precision)) {
      return trainer.gradients(batches(model).batch(1));
    }
  }

  /** Of the Euclidean norms of the difference and of what is expected. */
  private static double difference(float[] expected, float[] found) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow(found[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / norm);
  }

  private static void run(TorchTrainer trainer, int steps) {
    for (int step = 0; step < steps; step++) {
      trainer.next();
    }
  }

  /** Texts of several lengths, so that rows are padded. */
  private static TrainingBatches batches(LanguageModel model) {
    SplittableRandom random = new SplittableRandom(2);
    List<TrainingExample> examples = new ArrayList<>();
    for (int length : new int[] {17, 29, 11, 23, 14, 26}) {
      boolean[] trained = new boolean[length];
      Arrays.fill(trained, 3, length, true);
      examples.add(
          new TrainingExample(
              random.ints(length, 0, model.config().vocabularySize()).toArray(), trained));
    }
    return TrainingBatches.repeated(examples, STEPS);
  }
}
