package polyphony.workflows;

/**
 * Something about an experiment, or a comparison, that whoever started it may want to hear of.
 *
 * @param key names this very notice, so that whoever gets it twice can tell
 * @param event {@code done}, {@code failed}, {@code aborted}, {@code cancelled} or {@code
 *     needs-attention}
 * @param experiment the workflow's id
 * @param phase as in {@link Progress}
 * @param iteration that it is at; null of a comparison, and before there is one
 * @param iterations in all; null as above
 * @param accuracy after the newest finished iteration; null where there is none
 * @param standardError of {@code accuracy}
 * @param message one line: what it came to, or what is wrong
 */
public record Notice(
    String key,
    String event,
    String experiment,
    String phase,
    Integer iteration,
    Integer iterations,
    Double accuracy,
    Double standardError,
    String message) {}
