package polyphony.workers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;

/**
 * What {@code run --json} prints.
 *
 * @param phases wall seconds by step
 * @param orchestrationShare share of the wall time from the workflow's start to its end in which no
 *     sampling, scoring or training was running; null where workers of other processes took part
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

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

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
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot write the summary as JSON", e);
    }
  }
}
