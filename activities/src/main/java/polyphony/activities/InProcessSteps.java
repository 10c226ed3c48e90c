package polyphony.activities;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import polyphony.activities.debate.DebateStep;
import polyphony.activities.evaluate.EvaluateStep;
import polyphony.activities.train.TrainStep;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.storage.StepOutcome;
import polyphony.storage.Steps;

/**
 * Computes steps in this process. They wait for a device slot, but only where there is something to
 * compute.
 */
public final class InProcessSteps implements ModelSteps {
  private final Steps steps;
  private final DeviceSlots slots;
  private final Map<String, String> versions;
  private final Map<ModelStep<?, ?>, Body<?, ?>> bodies;

  /** The work of a kind of step. */
  @FunctionalInterface
  public interface Body<Q, R> {
    /**
     * @return empty where it is unfinished
     */
    Optional<R> compute(Q request, StepAttempt attempt, StepProgress progress) throws Exception;
  }

  /** What there is to compute, by kind. */
  public static final class Bodies {
    private final Map<ModelStep<?, ?>, Body<?, ?>> bodies = new HashMap<>();

    /** All that the method needs. */
    public static Bodies of(DebateStep debate, EvaluateStep evaluate, TrainStep train) {
      return new Bodies()
          .with(ModelStep.DEBATE, debate::run)
          .with(ModelStep.DEBATE_ROUND, debate::runRound)
          .with(ModelStep.EVALUATE, evaluate::run)
          .with(ModelStep.TRAIN_GENERATOR, train::run)
          .with(ModelStep.TRAIN_CRITIC, train::run);
    }

    public <Q, R> Bodies with(ModelStep<Q, R> kind, Body<Q, R> body) {
      bodies.put(kind, body);
      return this;
    }
  }

  /**
   * @param versions of this process, as steps' requests name them
   */
  public InProcessSteps(
      Steps steps, DeviceSlots slots, Map<String, String> versions, Bodies bodies) {
    this.steps = steps;
    this.slots = slots;
    this.versions = Map.copyOf(versions);
    this.bodies = Map.copyOf(bodies.bodies);
  }

  /** The kinds of steps that can be computed here. */
  public List<ModelStep<?, ?>> kinds() {
    return List.copyOf(bodies.keySet());
  }

  @Override
  public Map<String, String> versions() {
    return versions;
  }

  @Override
  public <Q, R> StepOutcome<R> run(
      ModelStep<Q, R> kind, Q request, StepListener listener, BooleanSupplier stop)
      throws Exception {
    Body<Q, R> body = body(kind);
    return steps.run(
        kind.step(request),
        kind.result(),
        attempt -> {
          listener.began(attempt::ownCommits);
          requireVersions(kind.requested().apply(request));
          return slots.compute(
              attempt::stopRequested, () -> body.compute(request, attempt, listener));
        },
        stop);
  }

  /** They are part of a step's key: work of other versions must not be recorded under it. */
  private void requireVersions(Map<String, String> requested) {
    if (!versions.equals(requested)) {
      throw PolyphonyException.config(
          "the experiment was recorded with "
              + requested
              + ", this worker has "
              + versions
              + ": use a worker of those versions, or run it under a new name");
    }
  }

  @SuppressWarnings("unchecked") // Bodies are put under kinds of their own types.
  private <Q, R> Body<Q, R> body(ModelStep<Q, R> kind) {
    return (Body<Q, R>) bodies.get(kind);
  }
}
