package polyphony.workflows;

import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.util.Map;

/**
 * One iteration: debate, vote, split and training (from iteration 1 on), then evaluation. Its
 * updates are those of {@link MultiagentFinetuning} that make sense here; the experiment is told of
 * what they do.
 */
@WorkflowInterface
public interface FinetuningIteration {
  /**
   * @param iteration 0 evaluates the untuned society and trains nothing
   * @param society who debates
   * @param unattended as {@link MultiagentFinetuning#UNATTENDED}
   */
  record Request(Experiment experiment, int iteration, Society society, boolean unattended) {
    /** What is in force in this iteration. */
    public ExperimentSpec spec() {
      return experiment.spec(iteration);
    }
  }

  /**
   * @param society after training
   * @param phases wall seconds by step name
   */
  record Result(
      IterationReport report,
      Society society,
      Map<String, Double> phases,
      int computedSteps,
      int reusedSteps) {}

  @WorkflowMethod(name = "FinetuningIteration")
  Result run(Request request);

  /** How far this iteration is. */
  @QueryMethod(name = "progress", description = "How far this iteration is")
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
   * Running steps commit and stop; then the iteration fails, and its experiment with it.
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

  /** From the experiment, which has checked it. */
  @SignalMethod(
      name = "operate",
      description = "Sent by the experiment; people use the updates instead")
  void operate(OperatorCommand command);
}
