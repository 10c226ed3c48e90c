package polyphony.activities.plan;

import java.util.Locale;
import polyphony.activities.evaluate.EvaluateStep;
import polyphony.workflows.Debate;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Role;
import polyphony.workflows.Train;

/**
 * How much there is to do in a step that needs a model.
 *
 * @param kind work of one kind takes a time that grows with its units alone
 * @param units answers to be sampled, examples to be trained on (once for each epoch), or answers
 *     to be scored (once for each model that does)
 */
record Work(String kind, double units) {
  /** What every experiment begins with. */
  static final String FIRST_ANSWERS = "first answers";

  /** Begins the kinds of training. */
  static final String TRAINING = "examples";

  static Work of(Debate.Request request) {
    String kind;
    if (request.mistakes() != null) {
      kind = "answers with hints";
    } else if (request.round() == 1) {
      kind = FIRST_ANSWERS;
    } else {
      // What is read, and summarised first, grows with those who have spoken.
      kind =
          "later answers of "
              + request.previous().size()
              + (request.summariser() == null ? " agents" : " agents with summaries");
    }
    return new Work(kind, request.to() - request.from());
  }

  static Work of(Evaluate.Request request) {
    return new Work("scorings", EvaluateStep.scorings(request));
  }

  /**
   * @param steps optimizer steps, which are always of whole batches here
   */
  static Work of(Train.Request request, int steps) {
    return new Work(training(request.role()), (double) steps * request.training().batchSize());
  }

  /** The kind of a role's trainings. */
  static String training(Role role) {
    return TRAINING + " of a " + role.name().toLowerCase(Locale.ROOT);
  }

  /** Optimizer steps of a training on so many examples. */
  static int steps(Train.Request request, int examples) {
    int batchSize = request.training().batchSize();
    return (examples + batchSize - 1) / batchSize * request.training().epochs();
  }
}
