package polyphony.storage;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The record of a finished step, kept at {@code steps/<key>.json}.
 *
 * @param key SHA-256 of the canonical JSON of name, version and inputs
 * @param outputs the artifacts that must be present for the result to count: those named in the
 *     result, and those stored by the last attempt that no commit names
 * @param attempt number of the attempt that finished it, from 0
 * @param started when the first attempt whose work is in the result started, ISO 8601
 * @param finished when the manifest was written, ISO 8601
 * @param wallSeconds time spent on the work that is in the result, over all attempts
 * @param usage amounts reported by the work that is in the result, over all attempts
 * @param worker who ran the last attempt
 */
public record StepManifest(
    String name,
    int version,
    String key,
    JsonNode inputs,
    JsonNode result,
    List<ArtifactRef> outputs,
    int attempt,
    String started,
    String finished,
    double wallSeconds,
    Map<String, Double> usage,
    Worker worker) {

  /**
   * The amount of {@code usage} that a model was at work; what else there is of {@code wallSeconds}
   * goes into loading and storing.
   */
  public static final String MODEL_SECONDS = "modelSeconds";

  /**
   * The amount of {@code usage} that counts how often work did not fit into memory, and was done in
   * halves from then on. Sums of floats may differ in their last digits for that.
   */
  public static final String HALVED_BATCHES = "halvedBatches";

  public StepManifest {
    if (!new Step(name, version, inputs).key().equals(key)) {
      throw new IllegalArgumentException("not the key of this step and these inputs: " + key);
    }
    outputs = List.copyOf(outputs);
    usage = Collections.unmodifiableMap(new TreeMap<>(usage));
  }

  /**
   * Reads a manifest's bytes.
   *
   * @throws IOException where they are not those that were written
   */
  public static StepManifest parse(byte[] json) throws IOException {
    return CanonicalJson.parsed(Sealed.content(json), StepManifest.class);
  }
}
