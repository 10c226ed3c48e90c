package polyphony.activities.lm;

import java.util.Optional;

/**
 * AdamW with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101), a learning-rate
 * schedule and clipping by global norm. The loss of a step is the mean over all its trained tokens.
 *
 * @param learningRate the peak rate
 * @param schedule the shape after warm-up
 * @param warmupSteps steps of linear warm-up from 0
 * @param finalLearningRateShare share of the peak that the schedule ends at
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added to the root of the bias-corrected second moment
 * @param weightDecay decoupled; not applied to one-dimensional parameters
 * @param clipNorm gradients are scaled down to this global norm; 0 switches clipping off
 * @param microBatchTokens a step's examples are cut into micro-batches of at most this many tokens,
 *     padding included (one example at least); gradients accumulate over them
 * @param lanes micro-batches computed at the same time, each on one thread; gradients are added in
 *     lane order, so that the result does not depend on timing
 * @param lora what is trained instead of the weights themselves; empty: every weight is
 * @param recompute whether activations within a block are computed again for the gradient instead
 *     of being kept
 */
public record TrainingSettings(
    double learningRate,
    Schedule schedule,
    int warmupSteps,
    double finalLearningRateShare,
    double beta1,
    double beta2,
    double epsilon,
    double weightDecay,
    double clipNorm,
    int microBatchTokens,
    int lanes,
    Optional<Lora> lora,
    boolean recompute) {

  /**
   * An adapter is trained, the base stays as it is. A model that has an adapter already goes on
   * with it, and it must be of this shape.
   *
   * @param seed of a new adapter's {@code A} ({@code B} starts at 0) and of dropout
   */
  public record Lora(AdapterConfig adapter, long seed) {}

  /** Finetuning of every weight, activations kept. */
  public TrainingSettings(
      double learningRate,
      Schedule schedule,
      int warmupSteps,
      double finalLearningRateShare,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      double clipNorm,
      int microBatchTokens,
      int lanes) {
    this(
        learningRate,
        schedule,
        warmupSteps,
        finalLearningRateShare,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        clipNorm,
        microBatchTokens,
        lanes,
        Optional.empty(),
        false);
  }

  /** The learning rate after warm-up, as a function of the share of steps done. */
  public enum Schedule {
    CONSTANT,
    LINEAR,
    COSINE,
    /** Flat for the first half of the steps, then linear. */
    FLAT_THEN_LINEAR
  }

  /** The learning rate of step {@code step} of {@code steps}. */
  public double learningRate(int step, int steps) {
    if (step < warmupSteps) {
      return learningRate * (step + 1) / warmupSteps;
    }
    int decaySteps = Math.max(1, steps - warmupSteps);
    double done = Math.min(1.0, (step - warmupSteps) / (double) decaySteps);
    double left =
        switch (schedule) {
          case CONSTANT -> 1.0;
          case LINEAR -> 1.0 - done;
          case COSINE -> 0.5 * (1.0 + Math.cos(Math.PI * done));
          case FLAT_THEN_LINEAR -> done < 0.5 ? 1.0 : 2.0 * (1.0 - done);
        };
    return learningRate * (finalLearningRateShare + (1.0 - finalLearningRateShare) * left);
  }
}
