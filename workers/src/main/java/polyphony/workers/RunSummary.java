package polyphony.workers;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Forecast;
import polyphony.workflows.IterationReport;

/**
 * What {@code run --json} prints.
 *
 * @param evaluateOn the task that was evaluated on, where that is another one; else absent
 * @param phases wall seconds by step
 * @param orchestrationShare share of the wall time from the workflow's start to its end in which no
 *     sampling, scoring or training was running; null where other processes may have taken part
 * @param peakMemoryBytes the process's largest resident size; null where the system does not tell
 * @param forecast and what it took; left out where there was none
 */
record RunSummary(
    String experiment,
    String method,
    String task,
    @JsonInclude(JsonInclude.Include.NON_NULL) String evaluateOn,
    long seed,
    List<Iteration> iterations,
    Map<String, Double> phases,
    Double orchestrationShare,
    int computedSteps,
    int reusedSteps,
    Long peakMemoryBytes,
    @JsonInclude(JsonInclude.Include.NON_NULL) Forecast.Outcome forecast) {

  /**
   * One iteration's numbers; those that do not apply are null.
   *
   * @param undecided as {@link IterationReport#undecided}; left out where it is 0
   */
  record Iteration(
      int iteration,
      double accuracy,
      double standardError,
      double consensus,
      Double likelihood,
      Double embeddingDissimilarity,
      Double klBetweenAgents,
      Double klToBase,
      Double labelPrecision,
      List<Integer> generatorExamples,
      List<Integer> criticExamples,
      @JsonInclude(JsonInclude.Include.NON_DEFAULT) int undecided,
      Map<String, String> weights) {
    static Iteration of(IterationReport report) {
      return new Iteration(
          report.iteration(),
          report.accuracy(),
          report.standardError(),
          report.consensus(),
          report.likelihood(),
          report.embeddingDissimilarity(),
          report.klBetweenAgents(),
          report.klToBase(),
          report.labelPrecision(),
          report.generatorExamples(),
          report.criticExamples(),
          report.undecided(),
          new TreeMap<>(report.weights()));
    }
  }

  static RunSummary of(ExperimentResult result, Double orchestrationShare, Long peakMemoryBytes) {
    ExperimentSpec spec = result.experiment().spec();
    return new RunSummary(
        result.experiment().name(),
        spec.method(),
        spec.task().name(),
        spec.evaluateOn() == null ? null : ExperimentDescription.task(spec.evaluateOn()),
        spec.seed(),
        result.iterations().stream().map(Iteration::of).toList(),
        new TreeMap<>(result.phases()),
        orchestrationShare,
        result.computedSteps(),
        result.reusedSteps(),
        peakMemoryBytes,
        result.forecast());
  }

  String json() {
    return PrettyJson.of(this);
  }
}
