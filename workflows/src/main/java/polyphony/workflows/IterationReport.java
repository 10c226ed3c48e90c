package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import polyphony.storage.ArtifactRef;

/**
 * What one iteration came to. Measures that do not apply (no training in iteration 0, one agent
 * alone) are null.
 *
 * @param iteration 0 for the untuned society
 * @param questions evaluation questions
 * @param accuracy correct / all questions; an answer that could not be read is wrong
 * @param standardError sqrt(p (1 - p) / n)
 * @param consensus mean share of agents whose last answer is the voted one
 * @param likelihood mean negative log-likelihood per token of an agent's last answer under another
 *     agent's critic, or the spec's {@code likelihoodModel}, in nats per token of that model
 * @param embeddingDissimilarity mean over pairs of agents of 1 - cosine of their answers'
 *     embeddings by the spec's {@code embeddingModel}
 * @param klBetweenAgents mean over ordered pairs of KL(p_i ‖ p_j) per token of agent i's last
 *     answer, in nats
 * @param klToBase the same against the base model
 * @param generatorKlBetweenAgents as {@code klBetweenAgents}, for first answers and generators
 * @param generatorKlToBase as {@code klToBase}, for first answers and generators
 * @param firstRoundAccuracy share of correct answers in round 1, over agents and questions
 * @param labelPrecision share of the training labels that are correct; never used in training
 * @param labelled training questions that got a label
 * @param generatorExamples by agent
 * @param criticExamples by agent
 * @param undecided comparisons of answers in this iteration, with one another in votes and with the
 *     true answer, of which could not be decided whether they are the same; they counted as
 *     different. Left out where there is none.
 * @param weights agent ({@code generator-1}, {@code critic-1}, …) to SHA-256 of its weights file
 * @param record the full record in the store
 */
public record IterationReport(
    int iteration,
    int questions,
    double accuracy,
    double standardError,
    double consensus,
    Double likelihood,
    Double embeddingDissimilarity,
    Double klBetweenAgents,
    Double klToBase,
    Double generatorKlBetweenAgents,
    Double generatorKlToBase,
    double firstRoundAccuracy,
    Double labelPrecision,
    Integer labelled,
    List<Integer> generatorExamples,
    List<Integer> criticExamples,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) int undecided,
    Map<String, String> weights,
    ArtifactRef record) {
  /** All comparisons decided. */
  public IterationReport(
      int iteration,
      int questions,
      double accuracy,
      double standardError,
      double consensus,
      Double likelihood,
      Double embeddingDissimilarity,
      Double klBetweenAgents,
      Double klToBase,
      Double generatorKlBetweenAgents,
      Double generatorKlToBase,
      double firstRoundAccuracy,
      Double labelPrecision,
      Integer labelled,
      List<Integer> generatorExamples,
      List<Integer> criticExamples,
      Map<String, String> weights,
      ArtifactRef record) {
    this(
        iteration,
        questions,
        accuracy,
        standardError,
        consensus,
        likelihood,
        embeddingDissimilarity,
        klBetweenAgents,
        klToBase,
        generatorKlBetweenAgents,
        generatorKlToBase,
        firstRoundAccuracy,
        labelPrecision,
        labelled,
        generatorExamples,
        criticExamples,
        0,
        weights,
        record);
  }

  /** The same, recorded there. */
  public IterationReport withRecord(ArtifactRef where) {
    return new IterationReport(
        iteration,
        questions,
        accuracy,
        standardError,
        consensus,
        likelihood,
        embeddingDissimilarity,
        klBetweenAgents,
        klToBase,
        generatorKlBetweenAgents,
        generatorKlToBase,
        firstRoundAccuracy,
        labelPrecision,
        labelled,
        generatorExamples,
        criticExamples,
        undecided,
        weights,
        where);
  }
}
