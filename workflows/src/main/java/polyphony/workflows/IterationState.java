package polyphony.workflows;

import java.util.List;

/**
 * What an iteration tells its experiment whenever it changes.
 *
 * @param runId of the iteration's workflow before any reset: what an earlier run still had to say
 *     does not count
 * @param phase as in {@link Progress}, whatever else is the matter
 * @param paused whether it is held by an operator
 * @param parked steps that wait for a person
 * @param commands number of the last {@link OperatorCommand} that is taken into account here
 */
public record IterationState(
    String runId, String phase, boolean paused, List<ParkedStep> parked, int commands) {
  public IterationState {
    parked = List.copyOf(parked);
  }
}
