package polyphony.activities.regrade;

import java.util.List;
import polyphony.workflows.Role;

/**
 * An experiment as it was graded, and as it would be now.
 *
 * @param experiment its name
 * @param iterations those that are finished, from iteration 0
 */
public record Regrading(String experiment, List<Iteration> iterations) {
  public Regrading {
    iterations = List.copyOf(iterations);
  }

  /**
   * A value as it is recorded, and as it would be; either may be null where it does not apply.
   *
   * @param <T> of the value
   */
  public record Change<T>(T before, T after) {}

  /**
   * One iteration.
   *
   * @param grading who read and compared the evaluation answers, such as {@code math-1}, or {@code
   *     math-1/released-code/default} with the modes of extractor and checker
   * @param questions evaluation questions
   * @param accuracy share of them that are answered rightly
   * @param standardError of the accuracy
   * @param consensus mean share of agents whose last answer is the voted one
   * @param verdicts questions that were right and would be wrong, or the other way round
   * @param finetuning null where nothing was finetuned
   */
  public record Iteration(
      int iteration,
      Change<String> grading,
      int questions,
      Change<Double> accuracy,
      Change<Double> standardError,
      Change<Double> consensus,
      List<Verdict> verdicts,
      Finetuning finetuning) {
    public Iteration {
      verdicts = List.copyOf(verdicts);
    }
  }

  /**
   * An evaluation question whose verdict changes.
   *
   * @param before whether the voted answer counted as the true one
   * @param after whether it would
   * @param voted the voted answer; null where there is none
   */
  public record Verdict(String question, boolean before, boolean after, Change<String> voted) {}

  /**
   * Labels, and what they make of the answers to finetuning questions.
   *
   * @param grading as {@link Iteration#grading}, of answers to finetuning questions
   * @param labelled questions with a label
   * @param labelPrecision share of the labels that are the true answers; null where there is none
   * @param labels those that would be another answer, or none, or one where there was none; other
   *     words for the same answer are no change
   * @param sets every agent's, generators first
   */
  public record Finetuning(
      Change<String> grading,
      Change<Integer> labelled,
      Change<Double> labelPrecision,
      List<Label> labels,
      List<AgentSet> sets) {
    public Finetuning {
      labels = List.copyOf(labels);
      sets = List.copyOf(sets);
    }
  }

  /** A finetuning question whose label changes; null where there is none. */
  public record Label(String question, String before, String after) {}

  /**
   * One of an agent's sets, without answers that were cut at the token limit.
   *
   * @param agent from 1; where wrong answers were given again with a hint, 2 stands for these
   * @param set {@code D^G}, {@code D^C-} or {@code D^C+}
   * @param size how many examples it holds. A critic learns a mix of D^C- and D^C+, a control that
   *     is not filtered as many of any answers.
   * @param entered questions whose examples would come to it
   * @param left questions whose examples would not be in it any more
   */
  public record AgentSet(
      Role role,
      int agent,
      String set,
      Change<Integer> size,
      List<String> entered,
      List<String> left) {
    public AgentSet {
      entered = List.copyOf(entered);
      left = List.copyOf(left);
    }
  }
}
