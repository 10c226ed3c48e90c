package polyphony.workers;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.temporal.api.common.v1.Payloads;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.Priority;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Activities;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.MultiagentFinetuning;

/**
 * An experiment's workflow, seen from outside.
 *
 * @param attached whether it was running already
 */
record ExperimentRun(String name, WorkflowStub workflow, boolean attached) {
  private static final long ANSWER_SECONDS = 20;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(
                  JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
          .build();

  /**
   * Starts the experiment of this name, also where an earlier run of it is closed; where one is
   * running, joins it.
   *
   * @param asked as written
   * @param complete the same, filled in, for what people are shown
   * @param attended whether somebody can act on it while it runs
   * @param priority of its steps among those of other experiments
   * @throws PolyphonyException CONFIG where the running one was started with another spec
   */
  static ExperimentRun startOrAttach(
      WorkflowClient client,
      String name,
      ExperimentSpec asked,
      ExperimentSpec complete,
      boolean attended,
      Priority priority) {
    WorkflowOptions options =
        WorkflowOptions.newBuilder()
            .setWorkflowId(name)
            .setTaskQueue(Activities.ORCHESTRATION)
            .setWorkflowIdReusePolicy(
                WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
            .setPriority(priority)
            .setMemo(Map.of(MultiagentFinetuning.UNATTENDED, !attended))
            .setStaticSummary(ExperimentDescription.summary(complete))
            .setStaticDetails(ExperimentDescription.details(complete))
            .build();
    WorkflowStub workflow =
        WorkflowStub.fromTyped(client.newWorkflowStub(MultiagentFinetuning.class, options));
    try {
      workflow.start(asked);
      return new ExperimentRun(name, workflow, false);
    } catch (WorkflowExecutionAlreadyStarted e) {
      checkSame(client, e.getExecution(), asked);
      return new ExperimentRun(name, client.newUntypedWorkflowStub(name), true);
    }
  }

  /**
   * What a workflow was started with.
   *
   * @throws io.grpc.StatusRuntimeException NOT_FOUND where there is no such workflow
   */
  static <T> Optional<T> input(WorkflowClient client, WorkflowExecution execution, Class<T> type) {
    Payloads input =
        client
            .getWorkflowServiceStubs()
            .blockingStub()
            .withDeadlineAfter(ANSWER_SECONDS, TimeUnit.SECONDS)
            .getWorkflowExecutionHistory(
                GetWorkflowExecutionHistoryRequest.newBuilder()
                    .setNamespace(client.getOptions().getNamespace())
                    .setExecution(execution)
                    .setMaximumPageSize(1)
                    .build())
            .getHistory()
            .getEvents(0)
            .getWorkflowExecutionStartedEventAttributes()
            .getInput();
    return Optional.ofNullable(
        client.getOptions().getDataConverter().fromPayloads(0, Optional.of(input), type, type));
  }

  private static void checkSame(
      WorkflowClient client, WorkflowExecution execution, ExperimentSpec asked) {
    ExperimentSpec running = input(client, execution, ExperimentSpec.class).orElse(null);
    if (!unnamed(running).equals(unnamed(asked))) {
      throw PolyphonyException.config(
          "experiment "
              + execution.getWorkflowId()
              + " is running with another spec; wait for its end to extend it, or give yours"
              + " another name with --experiment");
    }
  }

  /** A spec's fields but its name, which is the workflow's id anyway. */
  private static JsonNode unnamed(ExperimentSpec spec) {
    return spec == null
        ? JSON.createObjectNode()
        : JSON.<ObjectNode>valueToTree(spec).without("experiment");
  }
}
