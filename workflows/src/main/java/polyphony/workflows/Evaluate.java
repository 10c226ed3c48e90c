package polyphony.workflows;

import java.util.List;
import java.util.Map;
import polyphony.storage.ArtifactRef;

/** Grades and measures one range of evaluation questions. */
public final class Evaluate {
  /**
   * @param answers this range's, by round (first to last), then by agent
   * @param votes of all evaluation questions
   * @param society who answered
   * @param base the untouched base model
   */
  public record Request(
      int iteration,
      String task,
      ArtifactRef questions,
      int from,
      int to,
      List<List<ArtifactRef>> answers,
      ArtifactRef votes,
      Society society,
      ArtifactRef base,
      String likelihoodModel,
      String embeddingModel,
      int batchSize,
      Map<String, String> versions) {}

  /**
   * @param measurements JSON lines, one per question
   */
  public record Result(ArtifactRef measurements, StepReport step) {
    /** The same, come by in this way. */
    public Result withStep(StepReport how) {
      return new Result(measurements, how);
    }
  }

  private Evaluate() {}
}
