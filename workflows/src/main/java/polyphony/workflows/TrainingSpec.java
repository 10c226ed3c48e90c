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
    TrainingSpec critic) {}
