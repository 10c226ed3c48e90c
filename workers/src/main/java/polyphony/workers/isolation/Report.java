package polyphony.workers.isolation;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import polyphony.storage.ErrorClass;

/** What a child tells its worker. All but {@link Status} are its last word. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "report")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Report.Status.class, name = "status"),
  @JsonSubTypes.Type(value = Report.Versions.class, name = "versions"),
  @JsonSubTypes.Type(value = Report.Ended.class, name = "ended"),
  @JsonSubTypes.Type(value = Report.Failed.class, name = "failed")
})
sealed interface Report {
  /**
   * How far the step is.
   *
   * @param done of {@code total}
   * @param commits of this attempt
   * @param tokens sampled, scored or trained on
   */
  record Status(long done, long total, long commits, long tokens) implements Report {}

  /** Of the native libraries. */
  record Versions(Map<String, String> versions) implements Report {}

  /**
   * @param reused whether somebody else had computed it
   * @param result absent where the step is unfinished
   */
  record Ended(boolean reused, JsonNode result) implements Report {}

  /**
   * @param trace for the log
   */
  record Failed(ErrorClass errorClass, String message, String trace) implements Report {}
}
