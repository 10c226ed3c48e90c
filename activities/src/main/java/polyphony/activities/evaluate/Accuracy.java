package polyphony.activities.evaluate;

import java.util.List;

/**
 * How many of the evaluation questions were answered rightly. A question without an answer that
 * could be read counts, as a wrong one.
 */
public record Accuracy(int correct, int questions) {
  /**
   * @param correct by question, at least one
   */
  public static Accuracy of(List<Boolean> correct) {
    return new Accuracy((int) correct.stream().filter(each -> each).count(), correct.size());
  }

  /** p, in [0, 1]. */
  public double share() {
    return correct / (double) questions;
  }

  /** sqrt(p (1 - p) / n), as in the paper's released code. */
  public double standardError() {
    return Math.sqrt(share() * (1 - share()) / questions);
  }
}
