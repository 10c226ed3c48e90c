package polyphony.workers;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.client.UpdateOptions;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowQueryException;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.client.WorkflowUpdateHandle;
import io.temporal.client.WorkflowUpdateStage;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.FinetuningIteration;
import polyphony.workflows.Progress;

/** An experiment at a Temporal service, as somebody sees it who does not work on it. */
final class RemoteExperiment {
  static final String NO_WORKER =
      "no worker answers on the queue orchestration: start one with polyphony worker, with the same"
          + " TEMPORAL_ADDRESS and store";

  /** How long a person waits for a worker's answer. */
  private static final Duration ANSWER = Duration.ofSeconds(15);

  /** How long an accepted update may take: steps commit before they stop. */
  private static final Duration DONE = Duration.ofMinutes(3);

  private final WorkflowClient client;
  private final String name;
  private final Duration patience;
  private final WorkflowStub workflow;

  RemoteExperiment(WorkflowClient client, String name) {
    this(client, name, ANSWER);
  }

  /**
   * @param patience how long a worker's answer is waited for
   */
  RemoteExperiment(WorkflowClient client, String name, Duration patience) {
    if (!ExperimentNames.isValid(name)) {
      throw PolyphonyException.config(
          "an experiment cannot be called \"" + name + "\", allowed: " + ExperimentNames.ALLOWED);
    }
    this.client = client;
    this.name = name;
    this.patience = patience;
    this.workflow = client.newUntypedWorkflowStub(name);
  }

  String name() {
    return name;
  }

  WorkflowStub workflow() {
    return workflow;
  }

  /** What the service knows of the latest run; empty where its history is gone or never was. */
  Optional<WorkflowExecutionDescription> description() {
    return description(workflow);
  }

  private static Optional<WorkflowExecutionDescription> description(WorkflowStub stub) {
    try {
      return Optional.of(stub.describe());
    } catch (WorkflowNotFoundException e) {
      return Optional.empty();
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * What the experiment says of itself; empty where no worker answers in time.
   *
   * @throws WorkflowQueryException where it cannot say it
   */
  Optional<Progress> progress() throws InterruptedException {
    return progress(workflow);
  }

  /** The same, of an iteration. */
  Optional<Progress> progress(int iteration) throws InterruptedException {
    return progress(client.newUntypedWorkflowStub(ExperimentNames.iteration(name, iteration)));
  }

  private Optional<Progress> progress(WorkflowStub stub) throws InterruptedException {
    try {
      return within(patience, () -> stub.query("progress", Progress.class));
    } catch (WorkflowQueryException e) {
      throw e;
    } catch (WorkflowException e) {
      if (e.getCause() instanceof StatusRuntimeException status
          && status.getStatus().getCode() == Status.Code.UNAVAILABLE) {
        throw e;
      }
      return Optional.empty();
    }
  }

  /**
   * The result of a closed run.
   *
   * @throws WorkflowFailedException where it did not come to one
   */
  ExperimentResult result() {
    return workflow.getResult(ExperimentResult.class);
  }

  /** The complete spec in force in an iteration; empty where that iteration is not there. */
  Optional<ExperimentSpec> spec(String iteration) {
    try {
      return ExperimentRun.input(
              client,
              WorkflowExecution.newBuilder().setWorkflowId(iteration).build(),
              FinetuningIteration.Request.class)
          .map(FinetuningIteration.Request::spec);
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Unfinished steps of the experiment itself and of one iteration, those under way first. */
  List<PendingStep> pending(int iteration) {
    List<PendingStep> steps = new ArrayList<>();
    for (String id : List.of(name, ExperimentNames.iteration(name, iteration))) {
      steps.addAll(pending(id));
    }
    return steps;
  }

  /** Unfinished steps of one workflow, those under way first, then the most troubled. */
  List<PendingStep> pending(String id) {
    List<PendingActivityInfo> activities =
        description(client.newUntypedWorkflowStub(id))
            .map(each -> each.getRawDescription().getPendingActivitiesList())
            .orElse(List.of());
    return activities.stream()
        .map(each -> PendingStep.of(each, client.getOptions().getDataConverter()))
        .sorted(
            Comparator.comparing((PendingStep step) -> !step.isRunning())
                .thenComparing(PendingStep::attempt, Comparator.reverseOrder())
                .thenComparing(step -> String.valueOf(step.since())))
        .toList();
  }

  /**
   * Has an operator's action done.
   *
   * @return what the experiment answers
   * @throws PolyphonyException CONFIG where it refuses, or is not running; INFRASTRUCTURE where no
   *     worker answers in time
   */
  String update(String update, Object... arguments) throws InterruptedException {
    try {
      WorkflowUpdateHandle<String> accepted =
          within(
                  patience,
                  () ->
                      workflow.startUpdate(
                          UpdateOptions.newBuilder(String.class)
                              .setUpdateName(update)
                              .setWaitForStage(WorkflowUpdateStage.ACCEPTED)
                              .build(),
                          arguments))
              .orElseThrow(
                  () ->
                      PolyphonyException.infrastructure(
                          NO_WORKER + "; it may then still find this request", null));
      return within(DONE, accepted::getResult)
          .orElseThrow(
              () ->
                  PolyphonyException.infrastructure(
                      "accepted, but not done after "
                          + DONE.toMinutes()
                          + " minutes; polyphony status "
                          + name
                          + " shows what it waits for",
                      null));
    } catch (WorkflowUpdateException e) {
      throw PolyphonyException.config(
          e.getCause() instanceof ApplicationFailure refusal
              ? refusal.getOriginalMessage()
              : String.valueOf(e.getCause() == null ? e.getMessage() : e.getCause().getMessage()));
    } catch (WorkflowNotFoundException e) {
      throw notRunning();
    }
  }

  private PolyphonyException notRunning() {
    return PolyphonyException.config(
        description()
            .map(
                closed ->
                    "experiment "
                        + name
                        + " is not running ("
                        + ExperimentState.of(closed.getStatus(), null).shown()
                        + "): to go on with it, start it again under its name")
            .orElse(
                "Temporal knows no experiment "
                    + name
                    + "; polyphony list shows those that there are"));
  }

  /** A call that must not take longer than a person waits. */
  private static <T> Optional<T> within(Duration limit, Supplier<T> call)
      throws InterruptedException {
    CompletableFuture<T> answer = CompletableFuture.supplyAsync(call);
    try {
      return Optional.of(answer.get(limit.toMillis(), TimeUnit.MILLISECONDS));
    } catch (TimeoutException e) {
      return Optional.empty();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException known) {
        throw known;
      }
      throw new IllegalStateException("asking the experiment failed", e.getCause());
    }
  }
}
