package polyphony.activities.plan;

/**
 * A step that an experiment will need.
 *
 * @param step its name, such as {@code debate}
 * @param wave steps of one wave are computed at the same time, as far as there are slots
 * @param reused whether its result is there already
 * @param work what it takes; null for one without a model
 */
public record PlannedStep(String step, Wave wave, boolean reused, Work work) {
  /**
   * @param iteration that needs it
   * @param name such as {@code debate, round 2}
   */
  public record Wave(int iteration, String name) {}
}
