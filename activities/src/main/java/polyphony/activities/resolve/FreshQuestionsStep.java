package polyphony.activities.resolve;

import java.util.List;
import java.util.Optional;
import polyphony.activities.JsonLines;
import polyphony.activities.data.DataRegistry;
import polyphony.activities.tasks.Question;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;
import polyphony.storage.StepAttempt;
import polyphony.workflows.FreshQuestions;

/**
 * Draws the questions of one iteration's own to finetune on: those that come after the ones of the
 * iterations before.
 */
public final class FreshQuestionsStep {
  /** The activity's type and the step's name. */
  public static final String NAME = "fresh-questions";

  /** Raised whenever equal requests would give other questions. */
  public static final int VERSION = 1;

  private final QuestionSets sets;

  public FreshQuestionsStep(DataRegistry data) {
    this.sets = new QuestionSets(data);
  }

  /**
   * @return always present; its step report is null
   * @throws PolyphonyException CONFIG where the task has too few questions; DATA where the task is
   *     not what it was when iteration 1's were drawn
   */
  public Optional<FreshQuestions.Result> run(FreshQuestions.Request request, StepAttempt attempt) {
    int train = request.task().train();
    List<Question> drawn = sets.train(request.task(), request.iteration(), request.seed());
    if (!Sha256.of(JsonLines.write(drawn.subList(0, train))).equals(request.first().sha256())) {
      throw PolyphonyException.data(
          "the questions of task "
              + request.task().name()
              + " are not those that the experiment began with; import the very same files again,"
              + " or start it under another name");
    }
    return Optional.of(
        new FreshQuestions.Result(
            attempt.put(
                JsonLines.write(drawn.subList(drawn.size() - train, drawn.size())),
                JsonLines.MEDIA_TYPE,
                "train-questions.jsonl"),
            null));
  }
}
