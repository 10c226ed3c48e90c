package polyphony.workers;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;

/**
 * What {@code run --json} prints.
 *
 * @param phases wall seconds by step
 * @param orchestrationShare share of the wall time from the workflow's start to its end in which no
 *     sampling, scoring or training was running; null where other processes may have taken part
 * @param peakMemoryBytes the process's largest resident size; null where the system does not tell
 */
record RunSummary(
    String experiment,
    String method,
    String task,
    long seed,
    List<Iteration> iterations,
    Map<String, Double> phases,
    Double orchestrationShare,
    int computedSteps,
    int reusedSteps,
    Long peakMemoryBytes) {

  /** One iteration's numbers; those that do not apply are null. */
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
          new TreeMap<>(report.weights()));
    }
  }

  static RunSummary of(ExperimentResult result, Double orchestrationShare, Long peakMemoryBytes) {
    ExperimentSpec spec = result.experiment().spec();
    return new RunSummary(
        result.experiment().name(),
        spec.method(),
        spec.task().name(),
        spec.seed(),
        result.iterations().stream().map(Iteration::of).toList(),
        new TreeMap<>(result.phases()),
        orchestrationShare,
        result.computedSteps(),
        result.reusedSteps(),
        peakMemoryBytes);
  }

  String json() {
    return PrettyJson.of(this);
  }
}
