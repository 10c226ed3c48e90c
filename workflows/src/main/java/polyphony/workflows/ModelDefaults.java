package polyphony.workflows;

import java.util.List;

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

  /** This, of a model that has an adapter itself: what is trained of it by default is that one. */
  public ModelDefaults withAdapter(int rank, double alpha, double dropout, List<String> targets) {
    TrainingSpec own = SpecDefaults.first(training, SpecDefaults.OPEN_TRAINING);
    return new ModelDefaults(
        promptSet,
        summaries,
        criticMix,
        criticLoss,
        sampling,
        own.withAdapter(rank, alpha, dropout, targets)
            .withOverrides(own.generator(), own.critic()));
  }
}
