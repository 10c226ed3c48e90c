package polyphony.workflows;

import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/**
 * An experiment: the untuned society's evaluation, then one child workflow per iteration.
 *
 * <p>Operators act on it by its updates. One that does not apply is rejected with a line that says
 * which do.
 */
@WorkflowInterface
public interface MultiagentFinetuning {
  /**
   * Memo that whoever starts an experiment sets to true where nobody could send it updates, as in
   * the embedded service: what would wait for a person ends it instead.
   */
  String UNATTENDED = "unattended";

  /** The signal by which an iteration says how it is. */
  String ITERATION_STATE = "iteration-state";

  /**
   * @param spec every field optional; null runs the default experiment
   */
  @WorkflowMethod(name = "MultiagentFinetuning")
  ExperimentResult run(ExperimentSpec spec);

  /** Phase, iteration and the results so far. */
  @QueryMethod(name = "progress", description = "Phase, iteration and the results so far")
  Progress progress();

  /** Running steps commit and stop; nothing is started until {@link #resume}. */
  @UpdateMethod(
      name = OperatorActions.PAUSE,
      description = "Running steps commit and stop; nothing is started until resume")
  String pause();

  @UpdateValidatorMethod(updateName = OperatorActions.PAUSE)
  void validatePause();

  /** What was paused goes on from its last commit. */
  @UpdateMethod(
      name = OperatorActions.RESUME,
      description = "What was paused goes on from its last commit")
  String resume();

  @UpdateValidatorMethod(updateName = OperatorActions.RESUME)
  void validateResume();

  /** The current iteration becomes the last one. */
  @UpdateMethod(
      name = OperatorActions.STOP_AFTER_ITERATION,
      description = "The experiment ends as done, with its results, after the current iteration")
  String stopAfterIteration();

  @UpdateValidatorMethod(updateName = OperatorActions.STOP_AFTER_ITERATION)
  void validateStopAfterIteration();

  /**
   * Adds iterations.
   *
   * @param more at least 1
   */
  @UpdateMethod(
      name = OperatorActions.EXTEND,
      description = "More iterations. Argument: how many more, a whole number")
  String extend(Integer more);

  @UpdateValidatorMethod(updateName = OperatorActions.EXTEND)
  void validateExtend(Integer more);

  /**
   * Tries steps again that need attention.
   *
   * @param step name of one of them; null or blank for all
   */
  @UpdateMethod(
      name = OperatorActions.RETRY,
      description =
          "Tries again what needs attention, once it is mended. Argument: the step's name, or none"
              + " for all")
  String retry(String step);

  @UpdateValidatorMethod(updateName = OperatorActions.RETRY)
  void validateRetry(String step);

  /**
   * Does without steps that need attention.
   *
   * @param step name of one of them; null or blank for all
   */
  @UpdateMethod(
      name = OperatorActions.SKIP,
      description =
          "Does without what needs attention: a model keeps its weights, a range of questions stays"
              + " unlabelled. Argument: the step's name, or none for all")
  String skip(String step);

  @UpdateValidatorMethod(updateName = OperatorActions.SKIP)
  void validateSkip(String step);

  /**
   * Sets a finished step aside and goes through all iterations again: what is there already is
   * reused, so that only this step and what follows from it is computed.
   *
   * @param key 64 hexadecimal digits, as in {@code steps/<key>.json} in the store
   */
  @UpdateMethod(
      name = OperatorActions.RECOMPUTE,
      description =
          "Sets a finished step aside and computes it, and what follows from it, again. Argument:"
              + " the step's key, as in steps/<key>.json in the store")
  String recompute(String key);

  @UpdateValidatorMethod(updateName = OperatorActions.RECOMPUTE)
  void validateRecompute(String key);

  /**
   * Running steps commit and stop; then the experiment fails. Starting it again resumes it.
   *
   * @param reason may be null or blank
   */
  @UpdateMethod(
      name = OperatorActions.ABORT,
      description =
          "Running steps commit and stop, and the experiment ends as failed; starting it again"
              + " resumes. Argument: why, or none")
  String abort(String reason);

  @UpdateValidatorMethod(updateName = OperatorActions.ABORT)
  void validateAbort(String reason);

  /** From the running iteration. */
  @SignalMethod(
      name = ITERATION_STATE,
      description = "Sent by the running iteration; of no use to people")
  void iterationState(IterationState state);
}
