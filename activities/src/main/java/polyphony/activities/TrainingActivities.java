package polyphony.activities;

import polyphony.activities.train.TrainStep;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.workflows.Activities;
import polyphony.workflows.Role;
import polyphony.workflows.Train;

/** The steps that train, as activities. */
public final class TrainingActivities implements Activities.Training {
  private final StepRunner runner;
  private final TrainStep train;

  public TrainingActivities(StepRunner runner, TrainStep train) {
    this.runner = runner;
    this.train = train;
  }

  @Override
  public Train.Result trainGenerator(Train.Request request) {
    return train(Role.GENERATOR, "train-generator", request);
  }

  @Override
  public Train.Result trainCritic(Train.Request request) {
    return train(Role.CRITIC, "train-critic", request);
  }

  private Train.Result train(Role role, String name, Train.Request request) {
    if (request.role() != role) {
      throw StepFailures.of(
          name, PolyphonyException.config(name + " was asked to train a " + request.role()));
    }
    StepRunner.Ended<Train.Result> ended =
        runner.heavy(
            new Step(name, TrainStep.VERSION, request),
            "agent " + (request.agent() + 1) + ", iteration " + request.iteration(),
            request.versions(),
            Train.Result.class,
            (attempt, progress) -> train.run(request, attempt, progress));
    // Where its part is over, or it was asked to stop, everything is committed, and whoever makes
    // the
    // same request again goes on from there.
    return ended
        .result()
        .map(result -> result.withStep(ended.report()))
        .orElseGet(() -> Train.Result.unfinished(Math.toIntExact(ended.done()), ended.report()));
  }
}
