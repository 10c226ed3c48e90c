package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.testserver.TestServer;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run that is told to end while native code is at work hands its work over and ends in order;
 * ONNX Runtime's own shutdown hook crashed one in two.
 */
@DisabledOnOs(OS.WINDOWS)
class InterruptedRunIT {
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final int REPETITIONS = 3;

  @TempDir private Path folder;

  @Test
  void aRunThatIsToldToEndAmidSamplingEndsInOrder() throws Exception {
    for (int i = 0; i < REPETITIONS; i++) {
      Process process = startAndAwaitSampling();
      process.destroy();
      assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as(told()).isEqualTo(128 + 15);
      assertThat(told()).contains("stopping: ", "stopped; nothing that is finished is lost");
      assertThat(crashReports()).isEmpty();
    }
  }

  @Test
  void aSecondSignalEndsItAtOnce() throws Exception {
    Process process = startAndAwaitSampling();
    process.destroy();
    Instant limit = Instant.now().plus(LIMIT);
    while (!told().contains("stopping: ")) {
      assertThat(Instant.now()).as(told()).isBefore(limit);
      Thread.sleep(1);
    }
    process.destroy();
    assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(told()).isEqualTo(128 + 9);
    assertThat(crashReports()).isEmpty();
  }

  @Test
  void atAServiceTheExperimentGoesOnAndIsWatchedFromElsewhere() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    String address = "127.0.0.1:" + port;
    try (var server = TestServer.createPortBoundServer(port, true)) {
      assertThat(server).isNotNull();
      Process process = startAndAwaitSampling(Map.of("TEMPORAL_ADDRESS", address));
      process.destroy();
      assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as(told()).isEqualTo(128 + 15);
      String name =
          told().lines().findFirst().orElseThrow().replaceFirst("experiment (\\S+).*", "$1");
      assertThat(told())
          .contains(
              "experiment " + name + " goes on at Temporal at " + address,
              "polyphony watch " + name,
              "polyphony pause " + name,
              "polyphony abort " + name);

      Process watching = start(Map.of("TEMPORAL_ADDRESS", address), "watch", name);
      Instant limit = Instant.now().plus(LIMIT);
      while (!told().contains("watching experiment " + name)) {
        assertThat(Instant.now()).as(told()).isBefore(limit);
        Thread.sleep(20);
      }
      watching.destroy();
      assertThat(watching.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(watching.exitValue()).as(told()).isEqualTo(128 + 15);
      assertThat(told())
          .contains("not watching any more; experiment " + name + " goes on. To watch it again: ");

      Settings settings = Settings.of(Map.of("TEMPORAL_ADDRESS", address), 1);
      try (TemporalAccess temporal =
          TemporalAccess.connect(settings.requireTemporal("this needs"), "test")) {
        assertThat(new RemoteExperiment(temporal.client(), name).description().orElseThrow())
            .extracting(WorkflowExecutionDescription::getStatus)
            .isEqualTo(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING);
      }
    }
  }

  private Process startAndAwaitSampling() throws Exception {
    return startAndAwaitSampling(Map.of());
  }

  private Process startAndAwaitSampling(Map<String, String> environment) throws Exception {
    Path claims = folder.resolve("store").resolve("claims");
    if (Files.exists(claims)) {
      // Those of the run before are over; what it committed is gone on with.
      try (Stream<Path> files = Files.walk(claims)) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          Files.delete(file);
        }
      }
    }
    Process process =
        start(
            environment,
            "run",
            "--method",
            "debate",
            "--agents",
            "2",
            "--rounds",
            "2",
            "--train-questions",
            "4",
            // Many batches.
            "--evaluate-questions",
            "1000",
            "--store",
            folder.resolve("store").toString());
    Instant limit = Instant.now().plus(LIMIT);
    while (!claimed(claims)) {
      assertThat(process.isAlive()).as("it ended too early: %s", told()).isTrue();
      assertThat(Instant.now()).as(told()).isBefore(limit);
      Thread.sleep(5);
    }
    // Models take a moment to open; from then on the processor does nothing but sample.
    Thread.sleep(1500);
    return process;
  }

  private Process start(Map<String, String> environment, String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-XX:+UseSerialGC",
                "-Dai.djl.offline=true",
                Polyphony.class.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(folder.resolve("out").toFile())
            .redirectError(folder.resolve("err").toFile());
    // In a variable, since ONNX Runtime cannot bear a long command line.
    builder
        .environment()
        .put(
            "CLASSPATH",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    builder.environment().putAll(environment);
    return builder.start();
  }

  private static boolean claimed(Path claims) throws IOException {
    if (!Files.isDirectory(claims)) {
      return false;
    }
    try (Stream<Path> files = Files.walk(claims)) {
      return files.anyMatch(each -> each.toString().endsWith(".json"));
    }
  }

  private String told() throws IOException {
    return Files.readString(folder.resolve("err"));
  }

  private Stream<Path> crashReports() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(each -> each.getFileName().toString().startsWith("hs_err"))
          .toList()
          .stream();
    }
  }
}
