package polyphony.workflows;

import java.util.List;

/**
 * What a comparison came to.
 *
 * @param experiments in the order in which they were asked for
 * @param computedSteps steps computed in this run
 * @param reusedSteps steps whose result was there already: computed for another experiment, say
 */
public record ComparisonResult(
    String comparison,
    List<Compared> experiments,
    List<Row> rows,
    int computedSteps,
    int reusedSteps) {
  /**
   * An experiment as far as it is compared.
   *
   * @param iterations those that were asked for; it may have gone on since
   */
  public record Compared(String experiment, int iterations) {}

  /**
   * What one method came to after its last iteration, over all seeds.
   *
   * @param task that it was evaluated on
   * @param questions evaluation questions of all seeds together
   * @param standardError of the accuracy: sqrt(sum over seeds of p (1 - p) / n) / seeds
   * @param rank the best and the worst place that it can have among the methods on its task and
   *     base model: another one is before or after it only where the 95 % interval of their paired
   *     difference excludes 0
   * @param budget what it cost, as a mean over seeds
   */
  public record Row(
      String task,
      String baseModel,
      String method,
      List<Long> seeds,
      int iteration,
      int questions,
      double accuracy,
      double standardError,
      Rank rank,
      Budget budget) {}

  /** From 1; equal where the place is certain. */
  public record Rank(int best, int worst) {
    @Override
    public String toString() {
      return best == worst ? Integer.toString(best) : best + "-" + worst;
    }
  }

  /**
   * What a method costs. Steps that were shared with other experiments count in full.
   *
   * @param sampledTokens for finetuning questions, in all iterations
   * @param trainedTokens tokens that losses were taken over, in all iterations
   * @param answerTokens sampled per evaluation question in the last iteration
   * @param deviceSeconds of all sampling and training, without what was only measured
   */
  public record Budget(
      double sampledTokens, double trainedTokens, double answerTokens, double deviceSeconds) {}
}
