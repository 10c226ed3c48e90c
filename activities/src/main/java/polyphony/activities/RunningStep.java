package polyphony.activities;

/**
 * How far a step is, as heartbeats and the terminal show it.
 *
 * @param phase the step's name, such as {@code debate}
 * @param detail which one, such as {@code agent 2, round 1}
 * @param done of {@code total}; both 0 before there is anything to count
 * @param commits how many commits this attempt has made; read as {@link
 *     polyphony.workflows.CommitCount} by workflows
 */
public record RunningStep(String phase, String detail, long done, long total, long commits) {}
