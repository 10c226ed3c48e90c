package polyphony.workflows;

/**
 * How a step came by its result.
 *
 * @param key names the step's manifest in the store
 * @param reused whether the result was there already
 * @param seconds wall time that this activity took
 */
public record StepReport(String key, boolean reused, double seconds) {}
