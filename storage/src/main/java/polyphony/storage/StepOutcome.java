package polyphony.storage;

import java.util.Optional;

/**
 * What {@link Steps#run} came to.
 *
 * @param key the step's key
 * @param result the recorded result; empty if the step is unfinished
 * @param reused whether another run, or an earlier one, computed it
 */
public record StepOutcome<R>(String key, Optional<R> result, boolean reused) {}
