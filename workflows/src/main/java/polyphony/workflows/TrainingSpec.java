package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/**
 * How agents are finetuned. {@code generator} and {@code critic} override single fields for their
 * role and have no overrides of their own.
 *
 * @param tuning {@code full}: every weight; {@code lora}: an adapter of its own for each agent,
 *     over the base model that all share
 * @param epochs passes over an agent's examples
 * @param batchSize examples of one optimizer step
 * @param learningRate peak rate
 * @param schedule {@code constant}, {@code linear} or {@code cosine}
 * @param warmupShare share of the steps spent on linear warm-up
 * @param weightDecay decoupled
 * @param clipNorm largest global norm of a gradient; 0 for none
 * @param rank of an adapter; null where tuning is full
 * @param alpha an adapter is scaled by {@code alpha / rank}; null where tuning is full
 * @param dropout share of an adapter's input that is left out at random; null where tuning is full
 * @param targets linear layers that have an adapter, such as {@code q_proj}; null where tuning is
 *     full
 * @param recompute whether activations are computed again for the gradient instead of being kept,
 *     which takes less memory and more time; null where they are kept
 */
public record TrainingSpec(
    String tuning,
    Integer epochs,
    Integer batchSize,
    Double learningRate,
    String schedule,
    Double warmupShare,
    Double weightDecay,
    Double clipNorm,
    TrainingSpec generator,
    TrainingSpec critic,
    // What is open is left out, so that the steps of experiments without it are found again.
    @JsonInclude(JsonInclude.Include.NON_NULL) Integer rank,
    @JsonInclude(JsonInclude.Include.NON_NULL) Double alpha,
    @JsonInclude(JsonInclude.Include.NON_NULL) Double dropout,
    @JsonInclude(JsonInclude.Include.NON_NULL) List<String> targets,
    @JsonInclude(JsonInclude.Include.NON_NULL) Boolean recompute) {
  public TrainingSpec {
    targets = targets == null ? null : List.copyOf(targets);
  }

  /** The finetuning of every weight, activations kept. */
  public TrainingSpec(
      String tuning,
      Integer epochs,
      Integer batchSize,
      Double learningRate,
      String schedule,
      Double warmupShare,
      Double weightDecay,
      Double clipNorm,
      TrainingSpec generator,
      TrainingSpec critic) {
    this(
        tuning,
        epochs,
        batchSize,
        learningRate,
        schedule,
        warmupShare,
        weightDecay,
        clipNorm,
        generator,
        critic,
        null,
        null,
        null,
        null,
        null);
  }

  /** This, with the role's overrides applied and without overrides of its own. */
  public TrainingSpec forRole(Role role) {
    TrainingSpec override =
        switch (role) {
          case GENERATOR -> generator;
          case CRITIC -> critic;
        };
    return override == null ? withOverrides(null, null) : override.or(this);
  }

  /** This, with its open fields taken from another; without overrides. */
  TrainingSpec or(TrainingSpec other) {
    return new TrainingSpec(
        tuning != null ? tuning : other.tuning,
        epochs != null ? epochs : other.epochs,
        batchSize != null ? batchSize : other.batchSize,
        learningRate != null ? learningRate : other.learningRate,
        schedule != null ? schedule : other.schedule,
        warmupShare != null ? warmupShare : other.warmupShare,
        weightDecay != null ? weightDecay : other.weightDecay,
        clipNorm != null ? clipNorm : other.clipNorm,
        null,
        null,
        rank != null ? rank : other.rank,
        alpha != null ? alpha : other.alpha,
        dropout != null ? dropout : other.dropout,
        targets != null ? targets : other.targets,
        recompute != null ? recompute : other.recompute);
  }

  /** This, with its open fields taken from another, those of the roles' overrides too. */
  TrainingSpec withOpenFieldsOf(TrainingSpec other) {
    return or(other)
        .withOverrides(override(generator, other.generator), override(critic, other.critic));
  }

  private static TrainingSpec override(TrainingSpec own, TrainingSpec other) {
    return own == null ? other : other == null ? own : own.or(other);
  }

  /** This, open wherever another is set; without overrides. */
  TrainingSpec without(TrainingSpec other) {
    return new TrainingSpec(
        other.tuning == null ? tuning : null,
        other.epochs == null ? epochs : null,
        other.batchSize == null ? batchSize : null,
        other.learningRate == null ? learningRate : null,
        other.schedule == null ? schedule : null,
        other.warmupShare == null ? warmupShare : null,
        other.weightDecay == null ? weightDecay : null,
        other.clipNorm == null ? clipNorm : null,
        null,
        null,
        other.rank == null ? rank : null,
        other.alpha == null ? alpha : null,
        other.dropout == null ? dropout : null,
        other.targets == null ? targets : null,
        other.recompute == null ? recompute : null);
  }

  /** This, with other overrides. */
  TrainingSpec withOverrides(TrainingSpec generatorOverride, TrainingSpec criticOverride) {
    return new TrainingSpec(
        tuning,
        epochs,
        batchSize,
        learningRate,
        schedule,
        warmupShare,
        weightDecay,
        clipNorm,
        generatorOverride,
        criticOverride,
        rank,
        alpha,
        dropout,
        targets,
        recompute);
  }
}
