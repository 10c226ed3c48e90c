package polyphony.workflows;

/**
 * What an experiment passes on to its running iteration.
 *
 * @param number from 1, of those that this iteration was sent
 * @param action one of {@link OperatorActions}
 * @param step as {@link ParkedStep#step}; null for all of them
 */
public record OperatorCommand(int number, String action, String step) {}
