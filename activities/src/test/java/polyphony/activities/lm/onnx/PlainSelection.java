package polyphony.activities.lm.onnx;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Top-p by sorting and inverse-CDF sampling in plain doubles: what {@link TokenSelection} is held
 * against.
 *
 * @param kept probabilities over all tokens, 0 outside the nucleus
 * @param margin how far, in probability, the nucleus is from holding a token more or less
 */
record PlainSelection(double[] kept, double margin) {

  static PlainSelection of(double[] logits, double temperature, double topP) {
    double greatest = Arrays.stream(logits).max().orElseThrow();
    double[] probabilities =
        Arrays.stream(logits).map(logit -> Math.exp((logit - greatest) / temperature)).toArray();
    double sum = Arrays.stream(probabilities).sum();
    for (int i = 0; i < probabilities.length; i++) {
      probabilities[i] /= sum;
    }
    if (topP >= 1) {
      return new PlainSelection(probabilities, 1);
    }
    int[] order =
        IntStream.range(0, logits.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -logits[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double[] kept = new double[logits.length];
    double mass = 0;
    double margin = 1;
    for (int i = 0; i < order.length; i++) {
      boolean ties = i > 0 && logits[order[i]] == logits[order[i - 1]];
      if (mass >= topP && !ties) {
        break;
      }
      kept[order[i]] = probabilities[order[i]];
      mass += probabilities[order[i]];
      boolean lastOfTies = i + 1 == order.length || logits[order[i + 1]] != logits[order[i]];
      if (lastOfTies && i + 1 < order.length) {
        margin = Math.min(margin, Math.abs(mass - topP));
      }
    }
    return new PlainSelection(kept, margin);
  }

  /** The first token whose cumulative probability exceeds the uniform's share. */
  int token(double uniform) {
    double share = uniform * Arrays.stream(kept).sum();
    double cumulative = 0;
    for (int token = 0; token < kept.length; token++) {
      cumulative += kept[token];
      if (cumulative > share) {
        return token;
      }
    }
    throw new AssertionError("uniform " + uniform + " is not below 1");
  }

  /**
   * Whether rounding within {@code tolerance} leaves no doubt about the token: neither the uniform
   * nor the nucleus lies that close to a boundary.
   */
  boolean certain(double uniform, double tolerance) {
    return margin > tolerance
        && token(Math.max(0, uniform - tolerance))
            == token(Math.min(1 - 1e-12, uniform + tolerance));
  }
}
