package polyphony.workflows;

import java.util.Map;
import polyphony.storage.ArtifactRef;

/** The finetuning of one model on its own training set. */
public final class Train {
  /**
   * @param start checkpoint to start from
   * @param examples as {@link Split.TrainingSet#examples}
   * @param training complete, role overrides applied, without overrides of its own
   */
  public record Request(
      long seed,
      Role role,
      int agent,
      int iteration,
      ArtifactRef start,
      ArtifactRef examples,
      TrainingSpec training,
      Map<String, String> versions) {}

  /**
   * A part of a training. Where {@code finished} is false, the other fields but {@code step} and
   * {@code steps} are null or 0, and the same request must be made again to go on.
   *
   * @param checkpoint the finetuned model
   * @param weights SHA-256 of its weights file
   * @param curve JSON lines, one per optimizer step
   * @param steps optimizer steps done
   * @param tokens tokens trained on, padding excluded
   * @param firstLoss loss of the first step
   * @param lastLoss mean loss of the last tenth of the steps
   */
  public record Result(
      boolean finished,
      ArtifactRef checkpoint,
      String weights,
      ArtifactRef curve,
      int steps,
      long tokens,
      double firstLoss,
      double lastLoss,
      StepReport step) {
    /** A part that ended before the training did. */
    public static Result unfinished(int steps, StepReport step) {
      return new Result(false, null, null, null, steps, 0, 0, 0, step);
    }

    /** The same, come by in this way. */
    public Result withStep(StepReport how) {
      return new Result(
          finished, checkpoint, weights, curve, steps, tokens, firstLoss, lastLoss, how);
    }
  }

  private Train() {}
}
