package polyphony.storage;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * Who computed a step.
 *
 * @param host name of the machine
 * @param processId process on that machine
 * @param device what the numbers were computed on, such as {@code cpu} or {@code NVIDIA H200}
 * @param versions software that can change bytes, by name: git, ORT, libtorch, CUDA, driver
 */
public record Worker(String host, long processId, String device, Map<String, String> versions) {

  public Worker {
    versions = Collections.unmodifiableMap(new TreeMap<>(versions));
  }

  /** This process. */
  public static Worker here(String device, Map<String, String> versions) {
    ProcessIdentity process = ProcessIdentity.current();
    return new Worker(process.host(), process.processId(), device, versions);
  }
}
