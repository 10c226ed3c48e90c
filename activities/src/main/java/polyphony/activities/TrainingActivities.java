package polyphony.activities;

import polyphony.storage.PolyphonyException;
import polyphony.workflows.Activities;
import polyphony.workflows.Role;
import polyphony.workflows.Train;

/** The steps that train, as activities. */
public final class TrainingActivities implements Activities.Training {
  private final StepRunner runner;

  public TrainingActivities(StepRunner runner) {
    this.runner = runner;
  }

  @Override
  public Train.Result trainGenerator(Train.Request request) {
    return train(Role.GENERATOR, ModelStep.TRAIN_GENERATOR, request);
  }

  @Override
  public Train.Result trainCritic(Train.Request request) {
    return train(Role.CRITIC, ModelStep.TRAIN_CRITIC, request);
  }

  private Train.Result train(
      Role role, ModelStep<Train.Request, Train.Result> kind, Train.Request request) {
    if (request.role() != role) {
      throw StepFailures.of(
          kind.name(),
          PolyphonyException.config(kind.name() + " was asked to train a " + request.role()));
    }
    StepRunner.Ended<Train.Result> ended =
        runner.heavy(
            kind, request, "agent " + (request.agent() + 1) + ", iteration " + request.iteration());
    // Where its part is over, everything is committed, and whoever makes the same request again
    // goes on from there.
    return ended
        .unlessStopped()
        .map(result -> result.withStep(ended.report()))
        .orElseGet(
            () -> Train.Result.unfinished(Math.toIntExact(ended.status().done()), ended.report()));
  }
}
