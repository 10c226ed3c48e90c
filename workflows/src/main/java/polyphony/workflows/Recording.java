package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
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
   * @param skipped what an operator did without, in words
   */
  public record Request(
      Experiment experiment,
      int iteration,
      List<ArtifactRef> measurements,
      Vote.Result evaluation,
      Vote.Result labels,
      Split.Result split,
      List<Training> trainings,
      Society society,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<String> skipped) {
    public Request {
      // Records of iterations of which nothing was skipped do not have the field.
      skipped = skipped == null ? List.of() : List.copyOf(skipped);
    }
  }

  /** Which model a training result belongs to. */
  public record Training(Role role, int agent, Train.Result result) {}

  private Recording() {}
}
