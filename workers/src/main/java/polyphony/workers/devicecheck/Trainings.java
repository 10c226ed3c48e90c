package polyphony.workers.devicecheck;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;

/** Trainings on random texts, every token of which counts. */
final class Trainings {
  private Trainings() {}

  /** Of every weight, or of an adapter; with or without recomputed activations. */
  record Kind(boolean lora, boolean recompute) {
    @Override
    public String toString() {
      return (lora ? "LoRA" : "full") + (recompute ? ", recomputed" : "");
    }
  }

  /**
   * @param tokens of a micro-batch
   */
  static TrainingSettings settings(LanguageModel model, Kind kind, int tokens) {
    return new TrainingSettings(
        1e-3,
        TrainingSettings.Schedule.CONSTANT,
        0,
        0,
        0.9,
        0.95,
        1e-8,
        0.1,
        1,
        tokens,
        1,
        adapter(model, kind).map(each -> new TrainingSettings.Lora(each, 1)),
        kind.recompute());
  }

  /** Of every linear layer of the blocks, without dropout; empty where every weight is trained. */
  static Optional<AdapterConfig> adapter(LanguageModel model, Kind kind) {
    return kind.lora()
        ? Optional.of(new AdapterConfig(16, 32, 0, model.config().linearLayers()))
        : Optional.empty();
  }

  /** The same texts in every step. */
  static TrainingBatches batches(LanguageModel model, int steps, int texts, int length) {
    List<TrainingExample> examples = new ArrayList<>();
    for (int[] tokens : Bench.texts(model, texts, length, length)) {
      boolean[] trained = new boolean[length];
      Arrays.fill(trained, 1, length, true);
      examples.add(new TrainingExample(tokens, trained));
    }
    return TrainingBatches.repeated(examples, steps);
  }
}
