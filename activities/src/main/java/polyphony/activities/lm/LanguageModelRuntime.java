package polyphony.activities.lm;

import java.nio.file.Path;
import java.util.Optional;
import polyphony.storage.PolyphonyException;

/** Opens language models for use. The steps know a model's capabilities through this alone. */
public interface LanguageModelRuntime {
  Sampler sampler(LanguageModel model);

  Scorer scorer(LanguageModel model);

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

  /** Memory in bytes that models and work with them may take in all; see {@link MemoryPlan}. */
  default long memory() {
    return AvailableMemory.bytes();
  }

  /**
   * Versions that can change bytes, such as {@code onnxruntime -> 1.29.0}; part of every step's
   * key.
   */
  java.util.Map<String, String> versions();
}
