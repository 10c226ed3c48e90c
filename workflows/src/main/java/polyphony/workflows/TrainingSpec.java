package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.ArrayList;
import java.util.Collections;
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
  /** Of {@code tuning}: every weight. */
  public static final String FULL = "full";

  /** Of {@code tuning}: an adapter. */
  public static final String LORA = "lora";

  /** The one of {@code targets} that stands for all linear layers of a model's blocks. */
  public static final String ALL_LINEAR = "all-linear";

  public TrainingSpec {
    // Null elements are for the checks to refuse.
    targets = targets == null ? null : Collections.unmodifiableList(new ArrayList<>(targets));
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

  /**
   * What a role is tuned with: its overrides applied, none of its own, and nothing about adapters
   * where it has none, though the other role may have.
   */
  public TrainingSpec forRole(Role role) {
    TrainingSpec own = merged(role);
    return (own.tunesAdapter() ? own : own.withAdapter(null, null, null, null))
        .withRecompute(Boolean.TRUE.equals(own.recompute) ? true : null);
  }

  /** This, with the role's overrides applied and without overrides of its own. */
  TrainingSpec merged(Role role) {
    TrainingSpec override = override(role);
    return override == null ? withOverrides(null, null) : override.or(this);
  }

  /** A role's override; null where it has none. */
  TrainingSpec override(Role role) {
    return switch (role) {
      case GENERATOR -> generator;
      case CRITIC -> critic;
    };
  }

  /** Whether an adapter is trained, and not every weight. */
  public boolean tunesAdapter() {
    return LORA.equals(tuning);
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
    return with(
        learningRate, generatorOverride, criticOverride, rank, alpha, dropout, targets, recompute);
  }

  /** This, with another rate; without overrides. */
  TrainingSpec withLearningRate(Double rate) {
    return with(rate, null, null, rank, alpha, dropout, targets, recompute);
  }

  /** This, with another adapter; without overrides. */
  TrainingSpec withAdapter(
      Integer otherRank, Double otherAlpha, Double otherDropout, List<String> otherTargets) {
    return with(
        learningRate, null, null, otherRank, otherAlpha, otherDropout, otherTargets, recompute);
  }

  /** This, with activations computed again or not; without overrides. */
  TrainingSpec withRecompute(Boolean again) {
    return with(learningRate, null, null, rank, alpha, dropout, targets, again);
  }

  private TrainingSpec with(
      Double rate,
      TrainingSpec generatorOverride,
      TrainingSpec criticOverride,
      Integer otherRank,
      Double otherAlpha,
      Double otherDropout,
      List<String> otherTargets,
      Boolean again) {
    return new TrainingSpec(
        tuning,
        epochs,
        batchSize,
        rate,
        schedule,
        warmupShare,
        weightDecay,
        clipNorm,
        generatorOverride,
        criticOverride,
        otherRank,
        otherAlpha,
        otherDropout,
        otherTargets,
        again);
  }
}
