package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import polyphony.storage.ArtifactRef;

/** One agent's turn in one round of debate, on one range of questions. */
public final class Debate {
  /**
   * Everything that decides the answers; the step's key is derived from it.
   *
   * @param seed of the run
   * @param iteration 0 for the untuned society
   * @param agent from 0
   * @param round from 1
   * @param task {@link TaskSpec#grading}, for reading answers
   * @param questions question set
   * @param from first question of the range
   * @param to one past the last
   * @param speaker checkpoint that answers
   * @param summariser checkpoint that summarises the others' answers; null in round 1 and where
   *     critics read the answers themselves
   * @param previous round {@code round - 1}'s answers on this range, by agent; empty in round 1
   * @param style as {@link Method#style}; null for {@link Method.Style#CONTEST}
   * @param agents of the debate, for {@link Method.Style#UNIQUE_ID}; else null
   * @param mistakes first answers on this range, of which the wrong ones are given again, with the
   *     true answer as a hint; null: all questions are asked, without any
   */
  public record Request(
      long seed,
      Purpose purpose,
      int iteration,
      int agent,
      int round,
      String task,
      ArtifactRef questions,
      int from,
      int to,
      ArtifactRef prompts,
      ArtifactRef speaker,
      ArtifactRef summariser,
      List<ArtifactRef> previous,
      SamplingSpec sampling,
      int batchSize,
      Map<String, String> versions,
      // What is open is left out, so that the steps of methods without it are found again.
      @JsonInclude(JsonInclude.Include.NON_NULL) Method.Style style,
      @JsonInclude(JsonInclude.Include.NON_NULL) Integer agents,
      @JsonInclude(JsonInclude.Include.NON_NULL) ArtifactRef mistakes) {
    public Request {
      previous = List.copyOf(previous);
    }
  }

  /**
   * @param answers JSON lines, one per question of the range
   * @param parsed answers that could be read
   * @param cut answers that ran into the token limit
   * @param tokens sampled, summaries included
   */
  public record Result(ArtifactRef answers, int parsed, int cut, long tokens, StepReport step) {
    /** The same, come by in this way. */
    public Result withStep(StepReport how) {
      return new Result(answers, parsed, cut, tokens, how);
    }
  }

  private Debate() {}
}
