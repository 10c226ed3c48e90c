package polyphony.storage;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * Who computed a step.
 *
 * @param host name of the machine
 * @param processId process on that machine
 * @param device what the numbers were computed on, such as {@code cpu} or {@code NVIDIA H200}
 * @param versions software that can change bytes, by name: ONNX Runtime, libtorch, cuBLAS
 * @param beside what cannot, but that one wants to know afterwards, by name: a GPU's driver; left
 *     out where there is nothing
 */
public record Worker(
    String host,
    long processId,
    String device,
    Map<String, String> versions,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) Map<String, String> beside) {

  public Worker {
    versions = Collections.unmodifiableMap(new TreeMap<>(versions));
    beside = beside == null ? Map.of() : Collections.unmodifiableMap(new TreeMap<>(beside));
  }

  /** Where nothing else is to be recorded. */
  public Worker(String host, long processId, String device, Map<String, String> versions) {
    this(host, processId, device, versions, Map.of());
  }

  /** This process. */
  public static Worker here(String device, Map<String, String> versions) {
    return here(device, versions, Map.of());
  }

  /** This process. */
  public static Worker here(
      String device, Map<String, String> versions, Map<String, String> beside) {
    ProcessIdentity process = ProcessIdentity.current();
    return new Worker(process.host(), process.processId(), device, versions, beside);
  }

  /** All of {@code versions} and {@code beside}. */
  public Map<String, String> software() {
    TreeMap<String, String> all = new TreeMap<>(versions);
    all.putAll(beside);
    return Collections.unmodifiableMap(all);
  }
}
