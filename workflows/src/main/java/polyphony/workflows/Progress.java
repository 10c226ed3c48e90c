package polyphony.workflows;

import java.util.List;

/**
 * How far a run is.
 *
 * @param phase such as {@code debate}, {@code train}, {@code evaluate}, {@code done}
 * @param iteration current one
 * @param iterations in all
 * @param unitsDone activities done in this phase
 * @param units activities of this phase
 * @param reports of finished iterations
 */
public record Progress(
    String phase,
    int iteration,
    int iterations,
    int unitsDone,
    int units,
    List<IterationReport> reports) {}
