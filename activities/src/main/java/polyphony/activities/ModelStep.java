package polyphony.activities;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import polyphony.activities.debate.DebateStep;
import polyphony.activities.evaluate.EvaluateStep;
import polyphony.activities.train.TrainStep;
import polyphony.storage.Step;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Train;

/**
 * A kind of step that needs a model, and with it native libraries and the device.
 *
 * @param name the activity's type and the step's name
 * @param version raised whenever equal requests would give other results
 * @param request what is asked, as JSON
 * @param requested the versions that a request names
 * @param result what comes of it, as JSON
 */
public record ModelStep<Q, R>(
    String name,
    int version,
    Class<Q> request,
    Function<Q, Map<String, String>> requested,
    Class<R> result) {
  public static final ModelStep<Debate.Request, Debate.Result> DEBATE =
      new ModelStep<>(
          DebateStep.NAME,
          DebateStep.VERSION,
          Debate.Request.class,
          Debate.Request::versions,
          Debate.Result.class);

  public static final ModelStep<DebateRound.Request, DebateRound.Result> DEBATE_ROUND =
      new ModelStep<>(
          DebateStep.ROUND,
          DebateStep.ROUND_VERSION,
          DebateRound.Request.class,
          request -> request.turns().get(0).versions(),
          DebateRound.Result.class);

  public static final ModelStep<Evaluate.Request, Evaluate.Result> EVALUATE =
      new ModelStep<>(
          EvaluateStep.NAME,
          EvaluateStep.VERSION,
          Evaluate.Request.class,
          Evaluate.Request::versions,
          Evaluate.Result.class);

  public static final ModelStep<Train.Request, Train.Result> TRAIN_GENERATOR =
      training("train-generator");

  public static final ModelStep<Train.Request, Train.Result> TRAIN_CRITIC =
      training("train-critic");

  /** All kinds. */
  public static final List<ModelStep<?, ?>> ALL =
      List.of(DEBATE, DEBATE_ROUND, EVALUATE, TRAIN_GENERATOR, TRAIN_CRITIC);

  private static ModelStep<Train.Request, Train.Result> training(String name) {
    return new ModelStep<>(
        name, TrainStep.VERSION, Train.Request.class, Train.Request::versions, Train.Result.class);
  }

  /** The step that a request asks for. */
  public Step step(Q asked) {
    return new Step(name, version, asked);
  }
}
