package polyphony.workflows;

import java.util.List;
import java.util.Map;

/**
 * What an experiment came to.
 *
 * @param phases wall seconds by step name
 * @param computedSteps steps computed in this run
 * @param reusedSteps steps whose result was there already
 */
public record ExperimentResult(
    Experiment experiment,
    List<IterationReport> iterations,
    Map<String, Double> phases,
    int computedSteps,
    int reusedSteps) {}
