package polyphony.activities.lm;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import polyphony.storage.PolyphonyException;

/** Opens language models for use. The steps know a model's capabilities through this alone. */
public interface LanguageModelRuntime {
  /**
   * @param models all over one base, which is loaded once; at least one
   */
  Sampler sampler(List<LanguageModel> models);

  default Sampler sampler(LanguageModel model) {
    return sampler(List.of(model));
  }

  /**
   * @param models all over one base, which is loaded once; at least one
   */
  Scorer scorer(List<LanguageModel> models);

  default Scorer scorer(LanguageModel model) {
    return scorer(List.of(model));
  }

  /**
   * @param state a file written by {@link Trainer#saveState} to go on from, or empty to start at
   *     the model's weights
   */
  Trainer trainer(
      LanguageModel model,
      TrainingBatches batches,
      TrainingSettings settings,
      Optional<Path> state);

  /**
   * @throws polyphony.storage.PolyphonyException CONFIG where this runtime has no encoders
   */
  default Encoder encoder(EncoderModel model) {
    throw PolyphonyException.config("this worker's runtime has no encoders: leave embeddingModel");
  }

  /** How numbers are held here; decides how much memory work takes. */
  default Arithmetic arithmetic() {
    return Arithmetic.CPU;
  }

  /** Memory in bytes that models and work with them may take in all; see {@link MemoryPlan}. */
  default long memory() {
    return AvailableMemory.bytes();
  }

  /**
   * To be called before a model is opened for work that is planned so. A runtime that keeps
   * something for later work gives it up here, where it stands in the way.
   *
   * @throws polyphony.storage.PolyphonyException OUT_OF_MEMORY where it does not fit
   */
  default void requireRoom(MemoryPlan plan) {
    plan.requireFits(memory());
  }

  /**
   * Versions that can change bytes, such as {@code onnxruntime -> 1.29.0}; part of every step's
   * key.
   */
  java.util.Map<String, String> versions();
}
