package polyphony.storage;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Objects;

/**
 * One unit of work that is done once for all runs that need it.
 *
 * @param name what the step is, such as {@code train-critic}
 * @param version raised whenever the same inputs would give another result
 * @param inputs everything the result depends on, as a record or other value with a JSON form;
 *     upstream artifacts by reference
 */
public record Step(String name, int version, Object inputs) {
  public Step {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(inputs, "inputs");
  }

  /** SHA-256 of the canonical JSON {@code {"inputs":…,"name":…,"version":…}}. */
  public String key() {
    return CanonicalJson.sha256(new Step(name, version, inputsJson()));
  }

  JsonNode inputsJson() {
    return CanonicalJson.tree(inputs);
  }
}
