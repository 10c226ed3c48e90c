package polyphony.workflows;

/**
 * How agents are finetuned. {@code generator} and {@code critic} override single fields for their
 * role and have no overrides of their own.
 *
 * @param tuning {@code full}: every weight
 * @param epochs passes over an agent's examples
 * @param batchSize examples of one optimizer step
 * @param learningRate peak rate
 * @param schedule {@code constant}, {@code linear} or {@code cosine}
 * @param warmupShare share of the steps spent on linear warm-up
 * @param weightDecay decoupled
 * @param clipNorm largest global norm of a gradient; 0 for none
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
    TrainingSpec critic) {

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
        null);
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
        null);
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
        criticOverride);
  }
}
