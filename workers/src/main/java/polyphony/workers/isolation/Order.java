package polyphony.workers.isolation;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.JsonNode;
import polyphony.storage.Worker;

/** What a worker tells the child: first one of the other two, then perhaps {@link Stop}. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "order")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Order.Describe.class, name = "describe"),
  @JsonSubTypes.Type(value = Order.Compute.class, name = "compute"),
  @JsonSubTypes.Type(value = Order.Stop.class, name = "stop")
})
sealed interface Order {
  /** Answered with {@link Report.Versions}. */
  record Describe() implements Order {}

  /**
   * Answered with {@link Report.Status} now and then, and with an outcome last.
   *
   * @param step name of its kind
   * @param key the step's; guards against a request that changes on its way
   * @param worker recorded as who computed it
   */
  record Compute(String step, String key, JsonNode request, Worker worker) implements Order {}

  /** Commit and end as soon as possible. */
  record Stop() implements Order {}
}
