package polyphony.activities.lineage;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import polyphony.storage.Step;
import polyphony.storage.StepManifest;
import polyphony.storage.Worker;

class StepTextTest {
  @Test
  void batchesThatDidNotFitIntoMemoryAreToldOf() {
    assertThat(StepText.halved(trained(Map.of("tokens", 9.0)))).isEmpty();
    assertThat(StepText.halved(trained(Map.of("halvedBatches", 1.0))))
        .contains("batches halved once to fit into memory");
    assertThat(StepText.facts(trained(Map.of("halvedBatches", 3.0))))
        .contains("batches halved 3 times to fit into memory", "NVIDIA H200@node");
  }

  private static StepManifest trained(Map<String, Double> usage) {
    ObjectNode inputs = JsonNodeFactory.instance.objectNode().put("agent", 0);
    ObjectNode result = JsonNodeFactory.instance.objectNode().put("steps", 7);
    return new StepManifest(
        "train-critic",
        1,
        new Step("train-critic", 1, inputs).key(),
        inputs,
        result,
        List.of(),
        0,
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:01:00Z",
        60,
        usage,
        new Worker("node", 7, "NVIDIA H200", Map.of()));
  }
}
