package polyphony.workflows;

import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.ExternalWorkflowStub;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.List;
import java.util.Optional;

/**
 * The iteration that an experiment is at, as a child workflow: told what operators want, and
 * mirrored. The iteration's state is the truth; the experiment's is what it heard last.
 */
final class RunningIteration {
  private final CancellationScope scope;
  private final Runnable started;
  private Promise<FinetuningIteration.Result> result;
  private WorkflowExecution execution;
  private IterationState state;
  private int sent;

  /**
   * Starts it.
   *
   * @param started called once it can be told something
   */
  RunningIteration(
      FinetuningIteration.Request request, ChildWorkflowOptions options, Runnable started) {
    this.started = started;
    this.scope = Workflow.newCancellationScope(() -> start(request, options));
    scope.run();
  }

  private void start(FinetuningIteration.Request request, ChildWorkflowOptions options) {
    FinetuningIteration child = Workflow.newChildWorkflowStub(FinetuningIteration.class, options);
    result = Async.function(child::run, request);
    Workflow.getWorkflowExecution(child)
        .handle(
            (running, failure) -> {
              // The failure is that of the result as well.
              if (failure == null) {
                execution = running;
                if (state != null && !running.getRunId().equals(state.runId())) {
                  state = null;
                }
                started.run();
              }
              return null;
            });
  }

  /** Of the workflow; empty where it has not started. */
  Optional<String> runId() {
    return Optional.ofNullable(execution).map(WorkflowExecution::getRunId);
  }

  /** Its result, once it is there. */
  FinetuningIteration.Result await() {
    return result.get();
  }

  /** Lets its steps commit, and closes it. */
  void cancel(String reason) {
    scope.cancel(reason);
  }

  /** Passes on what an operator wants; what comes before it has started is repeated by others. */
  void tell(String action, String step) {
    if (execution == null) {
      return;
    }
    sent++;
    OperatorCommand command = new OperatorCommand(sent, action, step);
    ExternalWorkflowStub stub = Workflow.newUntypedExternalWorkflowStub(execution);
    // One that has just ended need not know.
    Async.procedure(() -> stub.signal("operate", command)).exceptionally(ended -> null);
  }

  /** Hears how an iteration is; what an earlier one still had to say does not count. */
  void hear(IterationState told) {
    if (execution == null || execution.getRunId().equals(told.runId())) {
      state = told;
    }
  }

  /** Its phase, or what it is taken for while it has not said anything yet. */
  String phase(String otherwise) {
    return state == null ? otherwise : state.phase();
  }

  /** Whether it is paused, or what is taken for true while it does not know all it was told. */
  boolean paused(boolean otherwise) {
    boolean behind = state == null || state.commands() < sent;
    return behind ? otherwise : state.paused();
  }

  List<ParkedStep> parked() {
    return state == null ? List.of() : state.parked();
  }
}
