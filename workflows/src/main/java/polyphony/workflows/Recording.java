package polyphony.workflows;

import java.util.List;
import polyphony.storage.ArtifactRef;

/** The end of an iteration: its numbers are summed up and everything that led to them is listed. */
public final class Recording {
  /**
   * @param measurements of the evaluation, by range
   * @param evaluation the evaluation's vote
   * @param labels the finetuning questions' vote; null where nothing was trained
   * @param split null where nothing was trained
   * @param trainings one per model trained in this iteration, with its role and agent
   * @param society after training
   */
  public record Request(
      Experiment experiment,
      int iteration,
      List<ArtifactRef> measurements,
      Vote.Result evaluation,
      Vote.Result labels,
      Split.Result split,
      List<Training> trainings,
      Society society) {}

  /** Which model a training result belongs to. */
  public record Training(Role role, int agent, Train.Result result) {}

  private Recording() {}
}
