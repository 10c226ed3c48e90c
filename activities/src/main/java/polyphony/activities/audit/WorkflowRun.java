package polyphony.activities.audit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.temporal.api.common.v1.Payloads;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.ActivityTaskScheduledEventAttributes;
import io.temporal.api.history.v1.HistoryEvent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One run of a workflow, as its history tells it.
 *
 * @param closed whether the history reaches to its end
 * @param completed whether it came to a result
 * @param steps those that completed, in order
 */
public record WorkflowRun(
    String workflowId,
    String runId,
    int events,
    boolean closed,
    boolean completed,
    List<CompletedStep> steps) {
  private static final JsonMapper JSON = new JsonMapper();

  /** A step that completed. */
  public record CompletedStep(String name, JsonNode request, JsonNode result) {}

  /** Reads a history. */
  public static WorkflowRun of(String workflowId, String runId, List<HistoryEvent> events) {
    Map<Long, ActivityTaskScheduledEventAttributes> scheduled = new HashMap<>();
    List<CompletedStep> steps = new ArrayList<>();
    for (HistoryEvent event : events) {
      if (event.getEventType() == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) {
        scheduled.put(event.getEventId(), event.getActivityTaskScheduledEventAttributes());
      } else if (event.getEventType() == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED) {
        var completed = event.getActivityTaskCompletedEventAttributes();
        ActivityTaskScheduledEventAttributes what = scheduled.get(completed.getScheduledEventId());
        if (what != null) {
          steps.add(
              new CompletedStep(
                  what.getActivityType().getName(),
                  json(what.getInput()),
                  json(completed.getResult())));
        }
      }
    }
    EventType last =
        events.isEmpty()
            ? EventType.EVENT_TYPE_UNSPECIFIED
            : events.get(events.size() - 1).getEventType();
    return new WorkflowRun(
        workflowId,
        runId,
        events.size(),
        last.name().startsWith("EVENT_TYPE_WORKFLOW_EXECUTION_")
            && last != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
            && last != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        last == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        List.copyOf(steps));
  }

  private static JsonNode json(Payloads payloads) {
    if (payloads.getPayloadsCount() == 0) {
      return MissingNode.getInstance();
    }
    try {
      return JSON.readTree(payloads.getPayloads(0).getData().toByteArray());
    } catch (IOException e) {
      return MissingNode.getInstance();
    }
  }
}
