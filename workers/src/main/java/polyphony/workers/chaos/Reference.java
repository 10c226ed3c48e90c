package polyphony.workers.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import polyphony.workflows.IterationReport;

/**
 * An experiment that nobody disturbed. What a step is follows from its key alone, so that its steps
 * are also those of every other experiment of this spec.
 *
 * @param reports the iterations' numbers and weights
 * @param steps by key
 * @param work what was done for it
 * @param seconds from start to end
 */
record Reference(
    List<IterationReport> reports, Map<String, StepRecord> steps, WorkLog work, double seconds) {

  /**
   * A finished step.
   *
   * @param manifest as {@code steps/<key>.json}
   * @param commits how many it took
   */
  record StepRecord(JsonNode manifest, int commits) {
    String name() {
      return manifest.path("name").asText();
    }

    boolean is(String name) {
      return name().equals(name);
    }

    JsonNode inputs() {
      return manifest.path("inputs");
    }

    /** Whether it belongs to the iteration that trains. */
    boolean isOfFinetuning() {
      return inputs().path("purpose").asText("finetune").equals("finetune")
          && inputs().path("iteration").asInt() == 1;
    }
  }

  Optional<StepRecord> step(String key) {
    return Optional.ofNullable(steps.get(key));
  }
}
