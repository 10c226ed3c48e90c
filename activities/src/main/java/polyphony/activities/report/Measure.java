package polyphony.activities.report;

import java.util.List;
import polyphony.activities.evaluate.Accuracy;
import polyphony.activities.evaluate.Diversity;
import polyphony.activities.evaluate.Measurement;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;
import polyphony.workflows.SpecDefaults;

/** A number of an iteration that is measured on its evaluation questions. */
public enum Measure {
  ACCURACY("accuracy", "share of questions whose voted answer is right"),
  FIRST_ROUND_ACCURACY(
      "accuracy of one first answer",
      "share of first answers that are right, over agents and questions"),
  CONSENSUS("consensus", "mean share of agents whose last answer is the voted one"),
  LIKELIHOOD("negative log-likelihood", "of an agent's last answer, nats per token"),
  EMBEDDING_DISSIMILARITY(
      "embedding dissimilarity", "1 − cosine of two agents' last answers, mean over pairs"),
  KL_BETWEEN_AGENTS("KL between agents", "last answers, nats per token"),
  KL_TO_BASE("KL to the base model", "last answers, nats per token"),
  GENERATOR_KL_BETWEEN_AGENTS("KL between generators", "first answers, nats per token"),
  GENERATOR_KL_TO_BASE("KL of generators to the base model", "first answers, nats per token");

  private final String shown;
  private final String meaning;

  Measure(String shown, String meaning) {
    this.shown = shown;
    this.meaning = meaning;
  }

  /** Its name. */
  String shown() {
    return shown;
  }

  /**
   * What it is, in a few words.
   *
   * @param spec says which models measure; null where it is not known
   */
  String meaning(ExperimentSpec spec) {
    if (spec == null) {
      return meaning;
    }
    return switch (this) {
      case LIKELIHOOD ->
          meaning
              + ", under "
              + (spec.likelihoodModel().equals(SpecDefaults.SELF)
                  ? "another agent's model"
                  : "the model " + spec.likelihoodModel());
      case EMBEDDING_DISSIMILARITY ->
          meaning
              + ", embedded by "
              + (spec.embeddingModel().equals(SpecDefaults.BASE)
                  ? "the base model"
                  : "the encoder " + spec.embeddingModel());
      default -> meaning;
    };
  }

  /** As it is recorded; null where it does not apply. */
  Double of(IterationReport report) {
    return switch (this) {
      case ACCURACY -> report.accuracy();
      case FIRST_ROUND_ACCURACY -> report.firstRoundAccuracy();
      case CONSENSUS -> report.consensus();
      case LIKELIHOOD -> report.likelihood();
      case EMBEDDING_DISSIMILARITY -> report.embeddingDissimilarity();
      case KL_BETWEEN_AGENTS -> report.klBetweenAgents();
      case KL_TO_BASE -> report.klToBase();
      case GENERATOR_KL_BETWEEN_AGENTS -> report.generatorKlBetweenAgents();
      case GENERATOR_KL_TO_BASE -> report.generatorKlToBase();
    };
  }

  /** Of these questions alone; null where it does not apply. */
  Double of(List<Measurement> measurements) {
    return switch (this) {
      case ACCURACY ->
          Accuracy.of(measurements.stream().map(Measurement::correct).toList()).share();
      case FIRST_ROUND_ACCURACY ->
          measurements.stream()
              .flatMap(each -> each.firstRoundCorrect().stream())
              .mapToInt(right -> right ? 1 : 0)
              .average()
              .orElseThrow();
      case CONSENSUS -> Diversity.consensus(measurements);
      case LIKELIHOOD -> Diversity.likelihood(measurements);
      case EMBEDDING_DISSIMILARITY -> Diversity.embeddingDissimilarity(measurements);
      case KL_BETWEEN_AGENTS -> Diversity.klBetweenAgents(measurements, Measurement::last);
      case KL_TO_BASE -> Diversity.klToBase(measurements, Measurement::last);
      case GENERATOR_KL_BETWEEN_AGENTS ->
          Diversity.klBetweenAgents(measurements, Measurement::first);
      case GENERATOR_KL_TO_BASE -> Diversity.klToBase(measurements, Measurement::first);
    };
  }
}
