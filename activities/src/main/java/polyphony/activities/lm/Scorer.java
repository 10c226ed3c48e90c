package polyphony.activities.lm;

import java.util.List;

/**
 * Teacher-forced evaluation of given texts by one language model, or by several that share a base.
 */
public interface Scorer extends AutoCloseable {
  /**
   * Score {@code tokens[from..]} given everything before; {@code 1 <= from < tokens.length}.
   *
   * @param model who scores it, by its place among the models that the scorer was opened with
   */
  record Text(int[] tokens, int from, int model) {
    /** For a scorer of one model. */
    public Text(int[] tokens, int from) {
      this(tokens, from, 0);
    }
  }

  /**
   * @param logLikelihoods natural log-probability of each scored token; length {@code tokens.length
   *     - from}
   * @param logDistributions {@code [tokens.length - from][vocabulary]}: the log-probabilities from
   *     which each scored token was to be drawn
   * @param embedding mean over the scored positions of the last hidden state after the final norm;
   *     length {@code hiddenSize}
   */
  record Scores(float[] logLikelihoods, float[][] logDistributions, float[] embedding) {}

  /** Scores each text, in order; the texts form exactly one batch. Errors as in {@link Sampler}. */
  List<Scores> score(List<Text> batch);

  @Override
  void close();
}
