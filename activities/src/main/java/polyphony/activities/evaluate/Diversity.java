package polyphony.activities.evaluate;

import java.util.List;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.stream.IntStream;
import polyphony.storage.PolyphonyException;

/**
 * The measures of diversity of arXiv 2501.05707 (its figures 3, 4 and 6 to 9), per iteration, on
 * the answers to evaluation questions. N agents; x is a question, ŷ(x) its voted answer; y_n is
 * agent n's last answer to it, |y_n| tokens long, the end of turn among them where it was sampled;
 * c_n is agent n's conversation up to that answer. p_n is the model that speaks for agent n in that
 * round: its critic, or its generator where there is one round alone. p_base is the untouched base
 * model. All logarithms are natural: nats.
 *
 * <table>
 * <caption>Measures</caption>
 * <tr><td>consensus</td><td>mean_x (1/N) |{n : y_n(x) = ŷ(x)}|</td><td>share</td></tr>
 * <tr><td>likelihood</td><td>mean_n mean_t -ln p_{(n mod N)+1}(y_n,t | c_n, y_n,&lt;t)</td>
 * <td>nats per token</td></tr>
 * <tr><td>embedding dissimilarity</td><td>mean_{x, i&lt;j} 1 - cos(e(y_i), e(y_j))</td>
 * <td>0 to 2</td></tr>
 * <tr><td>KL between agents</td>
 * <td>mean_{i≠j} mean_t KL(p_i(· | c_i, y_i,&lt;t) ‖ p_j(· | c_i, y_i,&lt;t))</td>
 * <td>nats per token</td></tr>
 * <tr><td>KL to base</td><td>mean_i mean_t KL(p_i(· | c_i, y_i,&lt;t) ‖ p_base(· | c_i, y_i,&lt;t))
 * </td><td>nats per token</td></tr>
 * </table>
 *
 * <p>What the paper leaves open, and is decided here: mean_t is over the tokens of all questions
 * alike, that is, per agent (or ordered pair of agents) the sum over all its tokens divided by
 * their number; mean_n, mean_i and mean_{i≠j} are plain means over agents or ordered pairs. A long
 * answer therefore weighs more than a short one, but no agent more than another. An agent without a
 * single token is left out. The "held-out critic" that judges agent n is that of agent (n mod N) +
 * 1, agents being counted from 1, given agent n's own conversation. Distributions are those of the
 * models over the whole vocabulary, whatever temperature and top-p the answers were sampled with.
 *
 * <p>Under {@code likelihoodModel: self} all probabilities are the agents' own. Where the spec
 * names a third model, as the paper has Gemma-2 2B score the texts, the likelihood is that model's:
 * p in the second row, c_n in its own chat template and y_n in its own tokens, the end of turn not
 * among them. KL is between the agents' distributions whatever is named: a third model has one
 * distribution after one context, so that all agents would be 0 apart under it.
 *
 * <p>Where one model plays every agent, that is every method that trains one or none, the KL
 * between agents is 0 by construction: it is not computed and is shown as 0; the likelihood under
 * {@code self} is the negative log-likelihood of the model's answers under itself. For one agent
 * alone, embedding dissimilarity, KL between agents and, under {@code self}, likelihood do not
 * exist: null.
 */
public final class Diversity {
  private Diversity() {}

  /**
   * KL(p ‖ q) = Σ_v p(v) (ln p(v) - ln q(v)) in nats, summed in double precision.
   *
   * @param logP log-probabilities over the vocabulary, normalised
   * @param logQ likewise, same length
   * @throws PolyphonyException DATA where the result is not finite
   */
  public static double kl(float[] logP, float[] logQ) {
    double sum = 0;
    for (int v = 0; v < logP.length; v++) {
      double p = Math.exp(logP[v]);
      // Not p > 0, which would pass over NaN.
      if (p != 0) {
        sum += p * ((double) logP[v] - logQ[v]);
      }
    }
    if (!Double.isFinite(sum)) {
      throw PolyphonyException.data(
          "a model's probabilities are not finite; its training has diverged: lower the learning"
              + " rate or skip it");
    }
    return sum;
  }

  /** 1 - a·b / (|a| |b|), in [0, 2]; empty where a vector is zero. */
  public static OptionalDouble dissimilarity(float[] a, float[] b) {
    double dot = 0;
    double squareA = 0;
    double squareB = 0;
    for (int i = 0; i < a.length; i++) {
      dot += (double) a[i] * b[i];
      squareA += (double) a[i] * a[i];
      squareB += (double) b[i] * b[i];
    }
    double norms = Math.sqrt(squareA) * Math.sqrt(squareB);
    return norms > 0 ? OptionalDouble.of(1 - dot / norms) : OptionalDouble.empty();
  }

  /**
   * mean_x (1/N) |{n : y_n(x) = ŷ(x)}|, in [0, 1], by the task's equivalence; an answer that could
   * not be read equals nothing, and a question without a label counts as 0. Diversity of answers is
   * 1 - consensus.
   */
  public static double consensus(List<Measurement> measurements) {
    return measurements.stream().mapToDouble(Measurement::agreeing).average().orElseThrow();
  }

  /**
   * (1/N) Σ_n [ Σ_x Σ_t -ln p_{(n mod N)+1}(y_n,t | c_n, y_n,&lt;t) / Σ_x |y_n| ], in nats per
   * token; with a third model, under that one. Null for one agent alone without a third model,
   * since no other model could judge.
   */
  public static Double likelihood(List<Measurement> measurements) {
    int agents = agents(measurements);
    if (measurements.get(0).negativeLogLikelihood().isEmpty()) {
      return null;
    }
    return mean(
        IntStream.range(0, agents)
            .mapToObj(
                n ->
                    perToken(
                        measurements,
                        each -> each.negativeLogLikelihood().get(n),
                        each -> each.likelihoodTokens(n)))
            .toList());
  }

  /**
   * 1/(N (N-1)) Σ_{i≠j} [ Σ_x Σ_t KL(p_i ‖ p_j) / Σ_x |y_i| ], in nats per token, both given agent
   * i's conversation up to token t of y_i; exactly 0 where one model plays every agent, null for
   * one agent alone.
   *
   * @param series last answers or first answers
   */
  public static Double klBetweenAgents(
      List<Measurement> measurements, Function<Measurement, Divergences> series) {
    int agents = agents(measurements);
    if (agents < 2) {
      return null;
    }
    return mean(
        IntStream.range(0, agents * agents)
            .filter(pair -> pair / agents != pair % agents)
            .mapToObj(
                pair ->
                    perToken(
                        measurements,
                        each -> series.apply(each).between().get(pair / agents).get(pair % agents),
                        each -> series.apply(each).tokens().get(pair / agents)))
            .toList());
  }

  /**
   * (1/N) Σ_i [ Σ_x Σ_t KL(p_i ‖ p_base) / Σ_x |y_i| ], in nats per token, both given agent i's
   * conversation; exactly 0 for the untuned society, null where no answer has a token.
   *
   * @param series last answers (critics' series, or the one model's) or first answers (generators')
   */
  public static Double klToBase(
      List<Measurement> measurements, Function<Measurement, Divergences> series) {
    return mean(
        IntStream.range(0, agents(measurements))
            .mapToObj(
                i ->
                    perToken(
                        measurements,
                        each -> series.apply(each).toBase().get(i),
                        each -> series.apply(each).tokens().get(i)))
            .toList());
  }

  /**
   * Mean over questions x and pairs i &lt; j of 1 - cos(e(y_i), e(y_j)), in [0, 2], where e is the
   * base model's last hidden state, after its final norm, averaged over the answer's tokens, given
   * the agent's conversation: {@code embeddingModel: base}. Where the spec names a T5 encoder, as
   * the paper has one, e is that encoder's, averaged over the tokens of the answer's text. Pairs
   * with an empty answer are left out; null where no pair is left.
   */
  public static Double embeddingDissimilarity(List<Measurement> measurements) {
    long pairs = measurements.stream().mapToLong(Measurement::embeddingPairs).sum();
    return pairs == 0
        ? null
        : measurements.stream().mapToDouble(Measurement::embeddingDissimilarity).sum() / pairs;
  }

  private static int agents(List<Measurement> measurements) {
    return measurements.get(0).agents();
  }

  private static OptionalDouble perToken(
      List<Measurement> measurements,
      Function<Measurement, Double> sum,
      Function<Measurement, Integer> tokens) {
    long count = measurements.stream().mapToLong(tokens::apply).sum();
    return count == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(measurements.stream().mapToDouble(sum::apply).sum() / count);
  }

  private static Double mean(List<OptionalDouble> values) {
    OptionalDouble mean = values.stream().flatMapToDouble(OptionalDouble::stream).average();
    return mean.isPresent() ? mean.getAsDouble() : null;
  }
}
