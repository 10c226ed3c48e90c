package polyphony.activities.evaluate;

import java.util.List;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.stream.IntStream;
import polyphony.storage.PolyphonyException;

/**
 * The measures of diversity of arXiv 2501.05707 (its figures 3, 4 and 6 to 9). N agents; agent n's
 * last answer to question x is y_n, a sequence of |y_n| tokens; p_n is the model that speaks for
 * agent n.
 *
 * <p>Wherever the paper says "mean over tokens", tokens of all questions count alike: per agent (or
 * ordered pair of agents) the sum over all its tokens divided by their number, then the plain mean
 * over agents (or pairs). A long answer therefore weighs more than a short one, but no agent weighs
 * more than another. The paper leaves this open. An agent without a single token is left out.
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

  /** Mean over questions of the share of agents whose last answer is the voted one. */
  public static double consensus(List<Measurement> measurements) {
    return measurements.stream().mapToDouble(Measurement::agreeing).average().orElseThrow();
  }

  /**
   * (1/N) Σ_n [ Σ_x Σ_t -ln p_{n+1}(y_n,t | x, y_n,&lt;t) / Σ_x |y_n| ], agent N + 1 being agent 1;
   * null for one agent alone, since no other model could judge.
   */
  public static Double likelihood(List<Measurement> measurements) {
    int agents = agents(measurements);
    if (agents < 2) {
      return null;
    }
    return mean(
        IntStream.range(0, agents)
            .mapToObj(
                n ->
                    perToken(
                        measurements,
                        each -> each.negativeLogLikelihood().get(n),
                        each -> each.last().tokens().get(n)))
            .toList());
  }

  /**
   * 1/(N (N-1)) Σ_{i≠j} [ Σ_x Σ_t KL(p_i ‖ p_j) / Σ_x |y_i| ], both given agent i's conversation up
   * to token t of y_i; null for one agent alone.
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

  /** (1/N) Σ_i [ Σ_x Σ_t KL(p_i ‖ p_base) / Σ_x |y_i| ]; null where no answer has a token. */
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

  /** Mean over questions and pairs of agents of 1 - cosine; null where there is no pair. */
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
