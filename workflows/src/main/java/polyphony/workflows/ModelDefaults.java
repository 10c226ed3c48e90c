package polyphony.workflows;

/**
 * What a base model brings along for fields that a spec leaves open; any of it may be null. Read
 * from {@code polyphony.json} in the model's folder.
 */
public record ModelDefaults(
    String promptSet,
    Boolean summaries,
    Double criticMix,
    String criticLoss,
    SamplingSpec sampling,
    TrainingSpec training) {
  /** A model that brings nothing along. */
  public static final ModelDefaults NONE = new ModelDefaults(null, null, null, null, null, null);
}
