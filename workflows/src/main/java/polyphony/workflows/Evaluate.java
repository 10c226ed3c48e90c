package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
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
   * @param likelihoodCheckpoint of the model that {@code likelihoodModel} names; null: the agents'
   *     own
   * @param embeddingCheckpoint of the encoder that {@code embeddingModel} names; null: the base
   *     model
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
      Map<String, String> versions,
      @JsonInclude(JsonInclude.Include.NON_NULL) ArtifactRef likelihoodCheckpoint,
      @JsonInclude(JsonInclude.Include.NON_NULL) ArtifactRef embeddingCheckpoint) {
    /** One in which the society's own models measure everything. */
    public Request(
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
        Map<String, String> versions) {
      this(
          iteration,
          task,
          questions,
          from,
          to,
          answers,
          votes,
          society,
          base,
          likelihoodModel,
          embeddingModel,
          batchSize,
          versions,
          null,
          null);
    }
  }

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
