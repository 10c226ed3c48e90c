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
   * @param trainQuestions what was finetuned on, where this iteration has questions of its own;
   *     else null
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
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<String> skipped,
      @JsonInclude(JsonInclude.Include.NON_NULL) ArtifactRef trainQuestions) {
    public Request {
      // Records of iterations of which nothing was skipped do not have the field.
      skipped = skipped == null ? List.of() : List.copyOf(skipped);
    }

    /** The question set that this iteration was finetuned on, if it was finetuned. */
    public ArtifactRef finetunedOn() {
      return trainQuestions == null ? experiment.trainQuestions() : trainQuestions;
    }

    /** How many agents answered the evaluation questions. */
    public int speakers() {
      return Method.named(experiment.spec().method()).evaluation().votes() ? society.agents() : 1;
    }

    /** Of an iteration that was finetuned on the experiment's questions, or on none. */
    public Request(
        Experiment experiment,
        int iteration,
        List<ArtifactRef> measurements,
        Vote.Result evaluation,
        Vote.Result labels,
        Split.Result split,
        List<Training> trainings,
        Society society,
        List<String> skipped) {
      this(
          experiment,
          iteration,
          measurements,
          evaluation,
          labels,
          split,
          trainings,
          society,
          skipped,
          null);
    }
  }

  /** Which model a training result belongs to. */
  public record Training(Role role, int agent, Train.Result result) {}

  private Recording() {}
}
