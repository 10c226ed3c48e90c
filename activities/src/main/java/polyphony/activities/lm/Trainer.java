package polyphony.activities.lm;

import java.nio.file.Path;
import java.util.List;

/**
 * One training of one language model, step by step. The caller decides when to commit. Bytes of a
 * training that was saved and resumed equal those of one that ran through.
 */
public interface Trainer extends AutoCloseable {
  /**
   * What one optimizer step did.
   *
   * @param step its number, from 0
   * @param loss mean negative log-likelihood of the step's trained tokens, in nats
   * @param gradientNorm global norm before clipping
   * @param learningRate the rate applied
   * @param tokens tokens processed, padding excluded
   * @param trainedTokens tokens that counted in the loss
   */
  record StepReport(
      int step,
      double loss,
      double gradientNorm,
      double learningRate,
      long tokens,
      long trainedTokens) {}

  /** Optimizer steps done so far. */
  int step();

  /**
   * Does the next optimizer step.
   *
   * @throws polyphony.storage.PolyphonyException DATA where the loss is not finite; OUT_OF_MEMORY
   *     where a micro-batch does not fit
   */
  StepReport next();

  /**
   * Mean negative log-likelihood of the examples' trained tokens at the present weights, in nats;
   * nothing is learnt from them.
   */
  double loss(List<TrainingExample> examples);

  /** Writes weights, both moments and the step number as one safetensors file. */
  void saveState(Path file);

  /**
   * Writes what was trained alone as safetensors. Of every weight: under their Hugging Face names
   * and in the layout of the model that training started from. Of an adapter: as {@link
   * Adapter#WEIGHTS}.
   */
  void saveWeights(Path file);

  @Override
  void close();
}
