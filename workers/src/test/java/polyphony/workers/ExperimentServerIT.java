package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole program against a real Temporal server and a real MinIO. */
class ExperimentServerIT {
  private static final String SPEC =
      "{\"experiment\": \"on-servers\", \"iterations\": 1, \"agents\": 2,"
          + " \"task\": {\"train\": 40, \"evaluate\": 40}}";

  @TempDir private Path folder;
  private TestServers servers;

  @BeforeEach
  void openServers() throws Exception {
    servers = TestServers.open();
  }

  @AfterEach
  void removeTraces() throws Exception {
    servers.remove();
  }

  @Test
  void anExperimentOnRealServersEndsInTheWeightsOfAnEmbeddedOne() throws Exception {
    JsonNode embedded = run(Map.of(), "embedded");
    assertThat(embedded.at("/iterations/1/weights")).hasSize(4);

    JsonNode served = run(servers.environment(), "unused");
    assertThat(served.path("iterations")).isEqualTo(embedded.path("iterations"));
    // Not read from anywhere: every step was computed, and lies in the bucket.
    assertThat(served.path("reusedSteps").asInt()).isZero();
    assertThat(served.path("computedSteps")).isEqualTo(embedded.path("computedSteps"));
    assertThat(servers.keys()).filteredOn(key -> key.startsWith("steps/")).isNotEmpty();
    assertThat(folder.resolve("unused")).doesNotExist();
    assertThat(statusOf("on-servers"))
        .isEqualTo(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED);

    // The histories are there twice, and tell the same as the store.
    assertThat(execute(servers.environment(), "audit", "on-servers"))
        .contains("clean:", "Temporal at ");
    assertThat(execute(servers.environment(), "audit", "on-servers", "--offline"))
        .contains("clean:", "the store's copies alone");
    Map<String, String> unreachable = new HashMap<>(servers.environment());
    unreachable.put("TEMPORAL_ADDRESS", "127.0.0.1:1");
    assertThat(execute(unreachable, "audit", "on-servers")).contains("clean:", "does not answer");
    assertThat(execute(servers.environment(), "lineage", "on-servers"))
        .contains("accuracy", "train-critic of iteration 1");
    assertThat(execute(servers.environment(), "prune")).startsWith("nothing to prune");

    // A second run finds all of it there.
    JsonNode again = run(servers.environment(), "unused");
    assertThat(again.path("iterations")).isEqualTo(embedded.path("iterations"));
    assertThat(again.path("reusedSteps").asInt()).isPositive();
  }

  private WorkflowExecutionStatus statusOf(String experiment) {
    WorkflowServiceStubs temporal = servers.temporal();
    try {
      return WorkflowClient.newInstance(
              temporal,
              WorkflowClientOptions.newBuilder().setNamespace(servers.namespace()).build())
          .newUntypedWorkflowStub(experiment)
          .describe()
          .getStatus();
    } finally {
      temporal.shutdownNow();
    }
  }

  private JsonNode run(Map<String, String> environment, String store) throws IOException {
    Path spec = Files.writeString(folder.resolve("spec.json"), SPEC);
    return new ObjectMapper()
        .readTree(
            execute(
                environment,
                "run",
                spec.toString(),
                "--store",
                folder.resolve(store).toString(),
                "--json"));
  }

  private String execute(Map<String, String> environment, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        Polyphony.execute(
            new Console(
                new ByteArrayInputStream(new byte[0]),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                environment,
                false,
                100),
            Assembly::of,
            arguments);
    assertThat(exitCode).as(err.toString(StandardCharsets.UTF_8)).isZero();
    return out.toString(StandardCharsets.UTF_8);
  }
}
