package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import polyphony.storage.ArtifactRef;

/** The majority vote over the last round's answers. */
public final class Vote {
  /**
   * @param answers the last round's, by agent, then by range
   * @param task {@link TaskSpec#grading}
   * @param tieRule as in the spec
   * @param truth question set whose true answers are the labels; null: the majority's are
   */
  public record Request(
      long seed,
      Purpose purpose,
      int iteration,
      String task,
      List<List<ArtifactRef>> answers,
      String tieRule,
      int minimumVotes,
      @JsonInclude(JsonInclude.Include.NON_NULL) ArtifactRef truth) {}

  /**
   * @param votes JSON lines, one per question
   * @param questions how many
   * @param labelled questions that got a label
   * @param ties questions on which the vote was tied
   * @param undecided pairs of answers that could not be shown to be the same or different; they
   *     counted as different
   */
  public record Result(
      ArtifactRef votes,
      int questions,
      int labelled,
      int ties,
      @JsonInclude(JsonInclude.Include.NON_DEFAULT) int undecided,
      StepReport step) {
    public Result(ArtifactRef votes, int questions, int labelled, int ties, StepReport step) {
      this(votes, questions, labelled, ties, 0, step);
    }

    /** The same, come by in this way. */
    public Result withStep(StepReport how) {
      return new Result(votes, questions, labelled, ties, undecided, how);
    }
  }

  private Vote() {}
}
