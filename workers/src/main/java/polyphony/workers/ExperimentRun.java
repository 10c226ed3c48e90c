package polyphony.workers;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.converter.DataConverter;
import java.util.Optional;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Activities;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.MultiagentFinetuning;

/**
 * An experiment's workflow, seen from outside.
 *
 * @param attached whether it was running already
 */
record ExperimentRun(String name, WorkflowStub workflow, boolean attached) {
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
   * @throws PolyphonyException CONFIG where the running one was started with another spec
   */
  static ExperimentRun startOrAttach(
      WorkflowClient client, DataConverter converter, String name, ExperimentSpec spec) {
    WorkflowOptions options =
        WorkflowOptions.newBuilder()
            .setWorkflowId(name)
            .setTaskQueue(Activities.ORCHESTRATION)
            .setWorkflowIdReusePolicy(
                WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
            .build();
    WorkflowStub workflow =
        WorkflowStub.fromTyped(client.newWorkflowStub(MultiagentFinetuning.class, options));
    try {
      workflow.start(spec);
      return new ExperimentRun(name, workflow, false);
    } catch (WorkflowExecutionAlreadyStarted e) {
      checkSame(client, converter, e.getExecution(), spec);
      return new ExperimentRun(name, client.newUntypedWorkflowStub(name), true);
    }
  }

  private static void checkSame(
      WorkflowClient client,
      DataConverter converter,
      WorkflowExecution execution,
      ExperimentSpec asked) {
    String name = execution.getWorkflowId();
    HistoryEvent started = client.fetchHistory(name).getHistory().getEvents(0);
    ExperimentSpec running =
        converter.fromPayloads(
            0,
            Optional.of(started.getWorkflowExecutionStartedEventAttributes().getInput()),
            ExperimentSpec.class,
            ExperimentSpec.class);
    if (!unnamed(running).equals(unnamed(asked))) {
      throw PolyphonyException.config(
          "experiment "
              + name
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
