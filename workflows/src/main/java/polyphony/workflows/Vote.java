package polyphony.workflows;

import java.util.List;
import polyphony.storage.ArtifactRef;

/** The majority vote over the last round's answers. */
public final class Vote {
  /**
   * @param answers the last round's, by agent, then by range
   * @param tieRule as in the spec
   */
  public record Request(
      long seed,
      Purpose purpose,
      int iteration,
      String task,
      List<List<ArtifactRef>> answers,
      String tieRule,
      int minimumVotes) {}

  /**
   * @param votes JSON lines, one per question
   * @param questions how many
   * @param labelled questions that got a label
   * @param ties questions on which the vote was tied
   */
  public record Result(ArtifactRef votes, int questions, int labelled, int ties, StepReport step) {
    /** The same, come by in this way. */
    public Result withStep(StepReport how) {
      return new Result(votes, questions, labelled, ties, how);
    }
  }

  private Vote() {}
}
