package polyphony.activities.vote;

import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import polyphony.activities.JsonLines;
import polyphony.activities.tasks.Tasks;
import polyphony.storage.StepAttempt;
import polyphony.workflows.Vote;

/**
 * The majority vote over all agents' answers of one round, question by question; where a method
 * takes true answers for labels, those.
 */
public final class VoteStep {
  /** The activity's type and the step's name. */
  public static final String NAME = "vote";

  /** Raised whenever equal requests would give other votes. */
  public static final int VERSION = 1;

  /**
   * @return always present; its step report is null
   */
  public Optional<Vote.Result> run(Vote.Request request, StepAttempt attempt) {
    Labelling labelling =
        Labelling.of(
            request, attempt.artifacts(), Tasks.grader(request.task()), UnaryOperator.identity());
    List<Label> labels = labelling.labels();
    return Optional.of(
        new Vote.Result(
            attempt.put(JsonLines.write(labels), JsonLines.MEDIA_TYPE, "votes.jsonl"),
            labels.size(),
            (int) labels.stream().filter(each -> each.label() != null).count(),
            (int) labels.stream().filter(Label::tied).count(),
            labelling.undecided(),
            null));
  }
}
