package polyphony.activities.lm.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.ReferenceDecoder;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.TrainingSettings.Schedule;
import polyphony.activities.lm.Weights;

class TorchTrainerTest {
  private static final TrainingSettings SETTINGS =
      new TrainingSettings(1e-2, Schedule.COSINE, 2, 0.1, 0.9, 0.95, 1e-8, 0.1, 1.0, 1000, 1);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void logitsEqualTheReference(boolean tied) {
    LanguageModel model = TinyModels.random(folder, TinyModels.config(tied), 5);
    int[] tokens = {1, 20, 5, 9, 13, 4, 4, 25, 0, 2};

    try (TorchTrainer trainer = trainer(model, SETTINGS)) {
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
  @ValueSource(booleans = {true, false})
  void lossAndGradientsEqualTheReference(boolean tied) {
    LanguageModel model = TinyModels.random(folder, TinyModels.config(tied), 6);
    ReferenceDecoder reference = ReferenceDecoder.of(model);
    List<TrainingExample> examples = examples(7, 3);
    try (TorchTrainer trainer = trainer(model, SETTINGS)) {
      Map<String, float[]> gradients = trainer.gradients(examples);

      Random random = new Random(8);
      gradients.forEach(
          (name, gradient) -> {
            double[] weight = reference.weights().get(name);
            for (int k = 0; k < 4; k++) {
              int i = random.nextInt(weight.length);
              double before = weight[i];
              double width = 1e-5;
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
      assertThat(trainer.next().loss()).isCloseTo(reference.loss(examples(100, 6)), within(1e-4));
    }
  }

  @Test
  void aTrainingThatWasSavedAndResumedGivesTheSameBytes() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    TrainingSettings settings = with(60, 2);
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
  void microBatchesAndLanesOfAnySizeGiveTheSameUpdate() {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    Map<String, float[]> whole = weightsAfter(model, with(1000, 1), 3);
    for (TrainingSettings settings :
        List.of(with(1, 1), with(40, 1), with(40, 2), with(1000, 2), with(30, 3))) {
      Map<String, float[]> cut = weightsAfter(model, settings, 3);
      whole.forEach(
          (name, expected) ->
              assertThat(cut.get(name))
                  .as(settings + name)
                  .containsExactly(expected, within(1e-6f)));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void equalTrainingsGiveEqualBytes(int lanes) {
    LanguageModel model = TinyModels.untied(folder.resolve("model"));
    for (String name : List.of("a", "b", "c", "d")) {
      try (TorchTrainer trainer = trainer(model, with(60, lanes))) {
        run(trainer, 6);
        trainer.saveState(folder.resolve(name));
      }
    }
    for (String name : List.of("b", "c", "d")) {
      assertThat(folder.resolve(name)).hasSameBinaryContentAs(folder.resolve("a"));
    }
  }

  private Map<String, float[]> weightsAfter(
      LanguageModel model, TrainingSettings settings, int steps) {
    Path file = folder.resolve("after.safetensors");
    try (TorchTrainer trainer = trainer(model, settings)) {
      run(trainer, steps);
      trainer.saveWeights(file);
    }
    Weights weights = Weights.open(file);
    Map<String, float[]> values = new HashMap<>();
    weights.tensors().keySet().forEach(name -> values.put(name, weights.floats(name)));
    return values;
  }

  private static void run(Trainer trainer, int steps) {
    for (int i = 0; i < steps; i++) {
      trainer.next();
    }
  }

  private static TrainingSettings with(int microBatchTokens, int lanes) {
    return new TrainingSettings(
        1e-2, Schedule.COSINE, 2, 0.1, 0.9, 0.95, 1e-2, 0.1, 1.0, microBatchTokens, lanes);
  }

  private static TorchTrainer trainer(LanguageModel model, TrainingSettings settings) {
    return new TorchTrainer(model, batches(6), settings, Optional.empty());
  }

  private static TrainingBatches batches(int steps) {
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

  private static List<TrainingExample> examples(int seed, int count) {
    Random random = new Random(seed);
    List<TrainingExample> examples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] tokens = random.ints(4 + random.nextInt(12), 3, 26).toArray();
      boolean[] trained = new boolean[tokens.length];
      Arrays.fill(trained, 1 + random.nextInt(3), tokens.length - random.nextInt(2), true);
      examples.add(new TrainingExample(tokens, trained));
    }
    return examples;
  }
}
