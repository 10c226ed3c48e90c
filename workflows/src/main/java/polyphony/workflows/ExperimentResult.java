package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;

/**
 * What an experiment came to.
 *
 * @param phases wall seconds by step name
 * @param computedSteps steps computed in this run
 * @param reusedSteps steps whose result was there already
 * @param forecast null where there was none
 */
public record ExperimentResult(
    Experiment experiment,
    List<IterationReport> iterations,
    Map<String, Double> phases,
    int computedSteps,
    int reusedSteps,
    @JsonInclude(JsonInclude.Include.NON_NULL) Forecast.Outcome forecast) {}
