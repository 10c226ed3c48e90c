package polyphony.workflows;

import polyphony.storage.ArtifactRef;

/** The questions of one iteration's own to finetune on. */
public final class FreshQuestions {
  /**
   * @param seed of the run
   * @param iteration from 1
   * @param task complete; as many questions as it says are drawn
   * @param first the questions of iteration 1, which these go on from
   */
  public record Request(long seed, int iteration, TaskSpec task, ArtifactRef first) {}

  /**
   * @param questions question set (JSON lines)
   */
  public record Result(ArtifactRef questions, StepReport step) {
    /** The same, come by in this way. */
    public Result withStep(StepReport how) {
      return new Result(questions, how);
    }
  }

  private FreshQuestions() {}
}
