package polyphony.workflows;

/**
 * Another experiment to go on from: what it did before {@code iteration} is shared with it, and
 * from that iteration on the fields set beside this one hold.
 *
 * @param experiment its name
 * @param iteration the first one that may differ, at least 1
 */
public record ForkSpec(String experiment, Integer iteration) {}
