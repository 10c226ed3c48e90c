package polyphony.workflows;

/**
 * A step that waits for a person.
 *
 * @param step its summary, as on the timeline
 * @param type one of {@link FailureTypes}
 * @param message one line: what is wrong and what to do
 * @param skip what skipping it would mean; empty where it cannot be skipped
 */
public record ParkedStep(String step, String type, String message, String skip) {
  boolean canBeSkipped() {
    return !skip.isEmpty();
  }
}
