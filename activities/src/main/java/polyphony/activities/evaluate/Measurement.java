package polyphony.activities.evaluate;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/**
 * What one evaluation question shows (a line of a measurements artifact). Sums, not means, so that
 * the iteration's numbers do not depend on how questions were cut into ranges.
 *
 * @param index position of the question in its set
 * @param question its id
 * @param label the voted answer; null where there is none
 * @param correct whether the voted answer is the true one; false where there is none
 * @param agreeing share of agents whose last answer is the voted one, in [0, 1]
 * @param firstRoundCorrect by agent; an answer that could not be read is wrong
 * @param lastRoundCorrect by agent; likewise
 * @param parsed by agent: whether its last answer could be read
 * @param negativeLogLikelihood by agent n: sum over the tokens of its last answer of -ln p under
 *     the model that speaks for the next agent in the last round, given the same conversation, in
 *     nats. Empty where there is one agent alone. The tokens are counted in {@code last}. Where a
 *     third model scores the texts: under that model, of its own tokens.
 * @param likelihoodTokens by agent: tokens of its last answer as that third model has them; left
 *     out where there is none
 * @param last of the last answers, under the models that gave them
 * @param first of the first answers, under the generators
 * @param embeddingDissimilarity sum over pairs of agents of 1 - cosine of their last answers'
 *     embeddings
 * @param embeddingPairs pairs in that sum; a pair with an empty answer is left out
 * @param undecided different answers to it, of all that were graded, of which it could not be
 *     decided whether they are the true one; they count as wrong. Left out where there is none.
 */
public record Measurement(
    int index,
    String question,
    String label,
    boolean correct,
    double agreeing,
    List<Boolean> firstRoundCorrect,
    List<Boolean> lastRoundCorrect,
    List<Boolean> parsed,
    List<Double> negativeLogLikelihood,
    @JsonInclude(JsonInclude.Include.NON_NULL) List<Integer> likelihoodTokens,
    Divergences last,
    Divergences first,
    double embeddingDissimilarity,
    int embeddingPairs,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) int undecided) {
  public Measurement {
    firstRoundCorrect = List.copyOf(firstRoundCorrect);
    lastRoundCorrect = List.copyOf(lastRoundCorrect);
    parsed = List.copyOf(parsed);
    negativeLogLikelihood = List.copyOf(negativeLogLikelihood);
    likelihoodTokens = likelihoodTokens == null ? null : List.copyOf(likelihoodTokens);
  }

  /** One in which no third model scores the texts. */
  public Measurement(
      int index,
      String question,
      String label,
      boolean correct,
      double agreeing,
      List<Boolean> firstRoundCorrect,
      List<Boolean> lastRoundCorrect,
      List<Boolean> parsed,
      List<Double> negativeLogLikelihood,
      Divergences last,
      Divergences first,
      double embeddingDissimilarity,
      int embeddingPairs,
      int undecided) {
    this(
        index,
        question,
        label,
        correct,
        agreeing,
        firstRoundCorrect,
        lastRoundCorrect,
        parsed,
        negativeLogLikelihood,
        null,
        last,
        first,
        embeddingDissimilarity,
        embeddingPairs,
        undecided);
  }

  /** Tokens of an agent's last answer, as the model that says how likely they are has them. */
  int likelihoodTokens(int agent) {
    return likelihoodTokens == null ? last.tokens().get(agent) : likelihoodTokens.get(agent);
  }

  int agents() {
    return lastRoundCorrect.size();
  }
}
