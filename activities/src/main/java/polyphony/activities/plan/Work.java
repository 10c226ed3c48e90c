package polyphony.activities.plan;

import java.util.Locale;
import polyphony.activities.evaluate.EvaluateStep;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
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

  /** Ends the kinds of answers that all agents give in shared batches. */
  static final String TOGETHER = ", together";

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

  /**
   * A round of all agents is work of its own kinds, as fast as many rows of several adapters are.
   */
  static Work of(DebateRound.Request request) {
    Work turn = of(request.turns().get(0));
    return new Work(turn.kind() + TOGETHER, turn.units() * request.turns().size());
  }

  static Work of(Evaluate.Request request) {
    return new Work("scorings", EvaluateStep.scorings(request));
  }

  /**
   * @param steps optimizer steps, which are always of whole batches here
   */
  static Work of(Train.Request request, int steps) {
    return new Work(
        training(request.role(), request.training().tunesAdapter()),
        (double) steps * request.training().batchSize());
  }

  /** The kind of a role's trainings. */
  static String training(Role role, boolean adapter) {
    return TRAINING
        + " of a "
        + role.name().toLowerCase(Locale.ROOT)
        + (adapter ? " with an adapter" : "");
  }

  /** Optimizer steps of a training on so many examples. */
  static int steps(Train.Request request, int examples) {
    int batchSize = request.training().batchSize();
    return (examples + batchSize - 1) / batchSize * request.training().epochs();
  }
}
