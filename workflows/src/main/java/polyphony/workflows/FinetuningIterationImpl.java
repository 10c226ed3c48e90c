package polyphony.workflows;

import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.ExternalWorkflowStub;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.util.List;

/** Runs the {@link Pipeline} as its operator lets it, and tells everybody how far it is. */
public final class FinetuningIterationImpl implements FinetuningIteration {
  private final Request request;
  private final OperatedSteps steps;
  private final IterationStatus status;
  private final Pipeline pipeline;
  private int commands;
  private String shown = "";
  private IterationState told;

  /** Before anything else: an operator may be faster than the first step. */
  @WorkflowInit
  public FinetuningIterationImpl(Request request) {
    this.request = request;
    this.steps = new OperatedSteps(request.unattended(), this::changed);
    this.status = new IterationStatus(this::changed);
    this.pipeline = new Pipeline(request, steps, status);
  }

  @Override
  public Result run(Request same) {
    CancellationScope.current()
        .getCancellationRequest()
        .thenApply(
            reason -> {
              steps.end(new CanceledFailure(String.valueOf(reason)));
              return reason;
            });
    try {
      return pipeline.run();
    } catch (TemporalFailure failure) {
      throw FailureTypes.surfaced(failure);
    }
  }

  @Override
  public Progress progress() {
    return new Progress(
        phase(),
        request.iteration(),
        request.experiment().spec().iterations(),
        status.unitsDone(),
        status.units(),
        status.report() == null ? List.of() : List.of(status.report()),
        steps.parked(),
        null);
  }

  @Override
  public void validatePause() {
    allowed().check(OperatorActions.PAUSE);
  }

  @Override
  public String pause() {
    steps.pause();
    return "pausing: running steps commit and stop, nothing is started until resume";
  }

  @Override
  public void validateResume() {
    allowed().check(OperatorActions.RESUME);
  }

  @Override
  public String resume() {
    steps.resume();
    return "going on with " + status.phase();
  }

  @Override
  public void validateRetry(String step) {
    allowed().check(OperatorActions.RETRY, step, steps.parked());
  }

  @Override
  public String retry(String step) {
    steps.retry(step);
    return steps.paused() ? "tried again after resume" : "trying again";
  }

  @Override
  public void validateSkip(String step) {
    allowed().check(OperatorActions.SKIP, step, steps.parked());
  }

  @Override
  public String skip(String step) {
    steps.skip(step);
    return String.join("; ", steps.skipped());
  }

  @Override
  public void validateAbort(String reason) {
    allowed().check(OperatorActions.ABORT);
  }

  @Override
  public String abort(String reason) {
    steps.end(FailureTypes.aborted(reason));
    return "aborting: running steps commit and stop; starting the experiment again resumes it";
  }

  /**
   * The experiment may not have heard yet of what has changed here: then there is nothing to do.
   */
  @Override
  public void operate(OperatorCommand command) {
    commands = command.number();
    switch (command.action()) {
      case OperatorActions.PAUSE -> steps.pause();
      case OperatorActions.RESUME -> steps.resume();
      case OperatorActions.RETRY -> steps.retry(command.step());
      case OperatorActions.SKIP -> steps.skip(command.step());
      default ->
          Workflow.getLogger(FinetuningIterationImpl.class)
              .warn("the experiment asks for the unknown action {}", command.action());
    }
  }

  private AllowedActions allowed() {
    String ends = "the iteration is ending";
    boolean lives = !steps.ending();
    boolean parked = !steps.parked().isEmpty();
    return new AllowedActions()
        .allow(
            OperatorActions.PAUSE,
            lives && !steps.paused(),
            lives ? "the iteration is paused already" : ends)
        .allow(
            OperatorActions.RESUME,
            lives && steps.paused(),
            lives ? "the iteration is not paused" : ends)
        .allow(OperatorActions.RETRY, lives && parked, lives ? "nothing needs attention" : ends)
        .allow(OperatorActions.SKIP, lives && parked, lives ? "nothing needs attention" : ends)
        .allow(OperatorActions.ABORT, lives, ends);
  }

  private String phase() {
    return Progress.phase(status.phase(), steps.paused(), steps.parked());
  }

  private void changed() {
    Workflow.setCurrentDetails(details());
    if (!shown.equals(phase())) {
      shown = phase();
      Workflow.upsertTypedSearchAttributes(ExperimentSearchAttributes.PHASE.valueSet(shown));
    }
    if (status.report() == null) {
      tellExperiment();
    } else {
      // The experiment learns all the rest from the result.
      ExperimentSearchAttributes.upsert(status.report());
    }
  }

  private void tellExperiment() {
    IterationState state =
        new IterationState(
            Workflow.getInfo().getOriginalExecutionRunId(),
            status.phase(),
            steps.paused(),
            steps.parked(),
            commands);
    String experiment = Workflow.getInfo().getParentWorkflowId().orElse(null);
    if (experiment == null || request.unattended() || state.equals(told)) {
      // Nobody asks, or there is nothing new.
      return;
    }
    told = state;
    ExternalWorkflowStub stub =
        Workflow.newUntypedExternalWorkflowStub(
            WorkflowExecution.newBuilder().setWorkflowId(experiment).build());
    // An experiment that is gone need not know.
    Async.procedure(() -> stub.signal(MultiagentFinetuning.ITERATION_STATE, state))
        .exceptionally(gone -> null);
  }

  private String details() {
    String phase = phase();
    StringBuilder first = new StringBuilder("phase: ").append(phase);
    if (!phase.equals(status.phase())) {
      first.append(" in ").append(status.phase());
    }
    if (status.units() > 1) {
      first.append(", ").append(status.unitsDone()).append(" of ").append(status.units());
    }
    CurrentDetails details =
        new CurrentDetails().bullet(first.toString()).attention(steps.paused(), steps.parked());
    status.outcomes().forEach(details::bullet);
    steps.skipped().forEach(skipped -> details.bullet("skipped: " + skipped));
    if (status.report() != null) {
      details.bullet("accuracy " + status.report().accuracy());
    }
    return details.toString();
  }
}
