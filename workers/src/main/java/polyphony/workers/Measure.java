package polyphony.workers;

import com.fasterxml.jackson.annotation.JsonProperty;
import polyphony.activities.compare.Comparison;

/** What a figure of the paper shows over iterations. */
enum Measure {
  @JsonProperty("accuracy")
  ACCURACY("accuracy"),
  @JsonProperty("diversity")
  DIVERSITY("diversity: 1 - consensus"),
  @JsonProperty("likelihood")
  LIKELIHOOD(
      "negative log-likelihood under another agent's critic or the likelihoodModel, nats per token"),
  @JsonProperty("embeddingDissimilarity")
  EMBEDDING_DISSIMILARITY("embedding dissimilarity"),
  @JsonProperty("klBetweenAgents")
  KL_BETWEEN_AGENTS("KL between agents, last answers, nats per token"),
  @JsonProperty("generatorKlBetweenAgents")
  GENERATOR_KL_BETWEEN_AGENTS("KL between generators, first answers, nats per token"),
  @JsonProperty("klToBase")
  KL_TO_BASE("KL to the base model, last answers, nats per token"),
  @JsonProperty("generatorKlToBase")
  GENERATOR_KL_TO_BASE("KL of generators to the base model, first answers, nats per token");

  private final String label;

  Measure(String label) {
    this.label = label;
  }

  /** In words, with its unit. */
  String label() {
    return label;
  }

  /** Null where it does not apply. */
  Double of(Comparison.Point point) {
    return switch (this) {
      case ACCURACY -> point.accuracy();
      case DIVERSITY -> 1 - point.consensus();
      case LIKELIHOOD -> point.likelihood();
      case EMBEDDING_DISSIMILARITY -> point.embeddingDissimilarity();
      case KL_BETWEEN_AGENTS -> point.klBetweenAgents();
      case GENERATOR_KL_BETWEEN_AGENTS -> point.generatorKlBetweenAgents();
      case KL_TO_BASE -> point.klToBase();
      case GENERATOR_KL_TO_BASE -> point.generatorKlToBase();
    };
  }
}
