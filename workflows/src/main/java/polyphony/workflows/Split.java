package polyphony.workflows;

import java.util.List;
import polyphony.storage.ArtifactRef;

/** The agents' training sets from a debate and its vote. */
public final class Split {
  /**
   * @param answers by round (first to last), then by agent, then by range
   * @param votes the labels
   * @param trains which training sets to build
   * @param filtered as {@link Method#filtered}
   * @param criticMix w
   * @param criticLoss which turns of a critic's example are trained
   */
  public record Request(
      long seed,
      int iteration,
      String task,
      List<List<List<ArtifactRef>>> answers,
      ArtifactRef votes,
      Method.Trains trains,
      boolean filtered,
      double criticMix,
      String criticLoss) {}

  /**
   * One model's training set.
   *
   * @param agent from 0
   * @param examples JSON lines of token ids and trained spans
   * @param count how many examples
   * @param corrected of these, examples in which a wrong first answer was corrected (critics; 0
   *     where sets are not filtered)
   * @param confirmed of these, examples in which a right first answer was kept (critics; 0 where
   *     sets are not filtered)
   * @param note anything out of the ordinary, such as a set that was empty; else empty
   */
  public record TrainingSet(
      Role role,
      int agent,
      ArtifactRef examples,
      int count,
      int corrected,
      int confirmed,
      String note) {}

  /** The training sets, generators first, by agent. */
  public record Result(List<TrainingSet> sets, StepReport step) {
    public Result {
      sets = List.copyOf(sets);
    }

    /** The same, come by in this way. */
    public Result withStep(StepReport how) {
      return new Result(sets, how);
    }
  }

  private Split() {}
}
