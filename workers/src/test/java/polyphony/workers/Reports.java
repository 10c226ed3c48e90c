package polyphony.workers;

import java.util.List;
import java.util.Map;
import polyphony.storage.ArtifactRef;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.SpecDefaults;

/** Results as a run would have them. */
final class Reports {
  private static final String HASH = "0123456789abcdef".repeat(4);
  private static final ArtifactRef ARTIFACT = new ArtifactRef(HASH, 1, "application/json", "x");

  private Reports() {}

  static IterationReport untuned() {
    return new IterationReport(
        0,
        500,
        0.412,
        0.02201,
        0.6333,
        0.4119,
        0.0523,
        0.0,
        0.0,
        0.0,
        0.0,
        0.391,
        null,
        null,
        List.of(),
        List.of(),
        Map.of("generator-1", HASH, "critic-1", HASH),
        ARTIFACT);
  }

  static IterationReport tuned(int iteration) {
    return new IterationReport(
        iteration,
        500,
        0.5460,
        0.02227,
        0.70866,
        0.39,
        0.0612,
        0.03217,
        0.1,
        0.02,
        0.09,
        0.5,
        0.8123,
        480,
        List.of(312, 298, 305),
        List.of(240, 251, 0),
        Map.of("generator-1", HASH, "critic-1", HASH),
        ARTIFACT);
  }

  /** As {@link #tuned}, with comparisons of answers that came to nothing. */
  static IterationReport undecided(int iteration, int comparisons) {
    IterationReport decided = tuned(iteration);
    return new IterationReport(
        decided.iteration(),
        decided.questions(),
        decided.accuracy(),
        decided.standardError(),
        decided.consensus(),
        decided.likelihood(),
        decided.embeddingDissimilarity(),
        decided.klBetweenAgents(),
        decided.klToBase(),
        decided.generatorKlBetweenAgents(),
        decided.generatorKlToBase(),
        decided.firstRoundAccuracy(),
        decided.labelPrecision(),
        decided.labelled(),
        decided.generatorExamples(),
        decided.criticExamples(),
        comparisons,
        decided.weights(),
        decided.record());
  }

  static IterationReport alone() {
    return new IterationReport(
        0, 10, 0.5, 0.158, 1.0, null, null, null, null, null, null, 0.5, null, null, List.of(),
        List.of(), Map.of(), ARTIFACT);
  }

  static ExperimentSpec spec() {
    return SpecDefaults.complete(ExperimentSpec.empty(), ModelDefaults.NONE);
  }

  static ExperimentResult result() {
    Experiment experiment =
        new Experiment(
            "mine",
            spec(),
            ARTIFACT,
            ARTIFACT,
            ARTIFACT,
            ARTIFACT,
            new Experiment.BatchPlan(125, 64),
            Map.of());
    return new ExperimentResult(
        experiment,
        List.of(untuned(), tuned(1)),
        Map.of("train", 12.5, "debate", 30.25),
        20,
        3,
        null);
  }
}
