package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A worker that is told to stop in the middle of a training, as a container's platform does it: it
 * has the training committed, hands it over and ends; the next worker goes on from there. At a real
 * server: the in-process one never gives away what waits for a worker that is gone.
 */
@DisabledOnOs(OS.WINDOWS)
@Timeout(600)
class WorkerDrainServerIT {
  private static final Duration LIMIT = Duration.ofMinutes(5);

  @TempDir private Path folder;
  private TestServers servers;
  private TemporalAccess temporal;

  @BeforeEach
  void openServers() throws Exception {
    servers = TestServers.open();
    temporal =
        TemporalAccess.connect(
            Settings.of(servers.environment(), 1).requireTemporal("this needs"), "test");
  }

  @AfterEach
  void removeTraces() throws Exception {
    temporal.close();
    servers.remove();
  }

  @Test
  void aWorkerThatIsToldToStopHandsItsWorkOver() throws Exception {
    Process first = start("first", "worker");
    assertThat(start("start", startArguments()).waitFor()).as(told("start")).isZero();
    await(first, this::isTraining);
    Instant stopped = Instant.now();
    first.destroy();
    assertThat(first.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(first.exitValue()).as(told("first")).isZero();
    assertThat(told("first"))
        .contains("worker cpu@", "stopping: ")
        .endsWith("stopped; nothing that is finished is lost\n");
    List<String> committed = committed();
    assertThat(committed).isNotEmpty();

    Process second = start("second", "worker");
    assertThat(start("watch", "watch", "mine", "--json").waitFor()).as(told("watch")).isZero();
    second.destroy();
    assertThat(second.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    for (String key : committed) {
      JsonNode training =
          new ObjectMapper().readTree(store().resolve("steps").resolve(key + ".json").toFile());
      assertThat(training.path("attempt").asInt()).isPositive();
      assertThat(Instant.parse(training.path("started").asText())).isBefore(stopped);
      assertThat(training.at("/worker/processId").asLong()).isEqualTo(second.pid());
    }
  }

  private String[] startArguments() throws IOException {
    Path spec =
        Files.writeString(
            folder.resolve("spec.json"),
            "{\"agents\": 1, \"iterations\": 1, \"task\": {\"train\": 60, \"evaluate\": 10},"
                + " \"training\": {\"epochs\": 60}}");
    return new String[] {"start", spec.toString(), "--experiment", "mine"};
  }

  /** Whether a training has made steps. */
  private boolean isTraining() {
    return new RemoteExperiment(temporal.client(), "mine")
        .pending(1).stream()
            .anyMatch(
                step ->
                    step.step().startsWith("train-")
                        && step.progress() != null
                        && step.progress().done() > 0);
  }

  private Process start(String name, String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-XX:+UseSerialGC",
                "-Dai.djl.offline=true",
                Polyphony.class.getName()));
    command.addAll(List.of(arguments));
    if (!arguments[0].equals("watch")) {
      command.addAll(List.of("--store", store().toString()));
    }
    ProcessBuilder builder = new ProcessBuilder(command);
    for (String each : new String[] {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}) {
      builder.environment().put(each, servers.environment().get(each));
    }
    // In a variable, since ONNX Runtime cannot bear a long command line.
    builder
        .environment()
        .put(
            "CLASSPATH",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    return builder
        .redirectOutput(folder.resolve(name + ".out").toFile())
        .redirectError(folder.resolve(name + ".err").toFile())
        .start();
  }

  private Path store() {
    return folder.resolve("store");
  }

  private String told(String name) throws IOException {
    return Files.readString(folder.resolve(name + ".err"));
  }

  private void await(Process process, BooleanSupplier moment) throws Exception {
    Instant limit = Instant.now().plus(LIMIT);
    while (!moment.getAsBoolean()) {
      assertThat(process.isAlive()).as("it ended too early: %s", told("first")).isTrue();
      assertThat(Instant.now()).as(told("first")).isBefore(limit);
      Thread.sleep(50);
    }
  }

  /** Steps that are not finished but have committed something. */
  private List<String> committed() {
    return names(store().resolve("progress")).stream()
        .filter(key -> !names(store().resolve("progress").resolve(key)).isEmpty())
        .filter(key -> !Files.exists(store().resolve("steps").resolve(key + ".json")))
        .toList();
  }

  private static List<String> names(Path path) {
    if (!Files.isDirectory(path)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(path)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
