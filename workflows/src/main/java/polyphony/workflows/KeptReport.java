package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import polyphony.storage.ArtifactRef;

/**
 * The report of an experiment or a comparison, as it is kept in the store.
 *
 * @param page HTML
 * @param key of the record in the store that names the page
 * @param address where it can be looked at; null where nobody said so
 */
public record KeptReport(
    ArtifactRef page, String key, @JsonInclude(JsonInclude.Include.NON_NULL) String address) {
  /** What the Web UI shows of it. */
  String text(String name) {
    return "report: "
        + (address == null
            ? "`polyphony report " + name + "`, in the store as " + key
            : "[" + name + "](" + address + ")");
  }
}
