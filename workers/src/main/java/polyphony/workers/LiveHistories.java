package polyphony.workers;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowServiceException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import polyphony.activities.audit.Histories;
import polyphony.activities.audit.WorkflowRun;

/** The histories that a Temporal service still has. */
final class LiveHistories implements Histories {
  private static final Set<Status.Code> GONE =
      Set.of(Status.Code.NOT_FOUND, Status.Code.UNIMPLEMENTED, Status.Code.INVALID_ARGUMENT);

  private final TemporalAccess temporal;

  LiveHistories(TemporalAccess temporal) {
    this.temporal = temporal;
  }

  @Override
  public String source() {
    return temporal + ", and the store's copies";
  }

  @Override
  public List<WorkflowRun> runs(String workflowId) {
    WorkflowClient client = temporal.client();
    List<WorkflowRun> runs = new ArrayList<>();
    for (String runId : runIds(client, workflowId)) {
      get(() -> client.fetchHistory(workflowId, runId))
          .ifPresent(history -> runs.add(WorkflowRun.of(workflowId, runId, history.getEvents())));
    }
    return runs;
  }

  /** Those that are listed, and the latest one, which a service that cannot list knows too. */
  private static Set<String> runIds(WorkflowClient client, String workflowId) {
    Set<String> runIds = new LinkedHashSet<>();
    get(() -> {
          try (Stream<WorkflowExecutionMetadata> found =
              client.listExecutions("WorkflowId = '" + workflowId + "'")) {
            return found
                .sorted(Comparator.comparing(WorkflowExecutionMetadata::getStartTime))
                .map(run -> run.getExecution().getRunId())
                .toList();
          }
        })
        .ifPresent(runIds::addAll);
    get(() -> client.newUntypedWorkflowStub(workflowId).describe().getExecution().getRunId())
        .ifPresent(runIds::add);
    return runIds;
  }

  private interface Call<T> {
    T make();
  }

  /** Empty where the service does not have it. */
  private static <T> Optional<T> get(Call<T> call) {
    try {
      return Optional.of(call.make());
    } catch (WorkflowNotFoundException e) {
      return Optional.empty();
    } catch (StatusRuntimeException | WorkflowServiceException e) {
      if (GONE.contains(Status.fromThrowable(e).getCode())) {
        return Optional.empty();
      }
      throw e;
    }
  }
}
