package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Steps in processes of their own come to the very results that they come to in one process, though
 * native code aborts in the middle of a debate and of a training; and the worker, which lives
 * through that, never loads that code.
 */
@EnabledOnOs(OS.LINUX)
class IsolationIT {
  private static final Duration LIMIT = Duration.ofMinutes(8);
  private static final Pattern NATIVE = Pattern.compile("libonnxruntime|libtorch");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path folder;

  @Test
  void abortsOfNativeCodeCostAnAttemptEachAndChangeNothing() throws Exception {
    Set<String> loadedHere = new HashSet<>();
    JsonNode undisturbed = run("undisturbed", Polyphony.class, "none", loadedHere);
    assertThat(loadedHere).as("what the check below looks for").isNotEmpty();

    Path marks = Files.createDirectory(folder.resolve("marks"));
    Set<String> loadedByWorker = new HashSet<>();
    JsonNode isolated = run("isolated", FaultyStep.Program.class, "process", loadedByWorker);
    try (Stream<Path> aborts = Files.list(marks)) {
      assertThat(aborts.map(each -> each.getFileName().toString()))
          .containsExactlyInAnyOrder("sampling", "training");
    }
    assertThat(loadedByWorker).isEmpty();
    assertThat(told("isolated")).contains("signal 6 (SIGABRT)");
    assertThat(isolated.path("iterations")).isEqualTo(undisturbed.path("iterations"));
    assertThat(isolated.at("/iterations/1/weights")).hasSize(4);

    // Not only the weights: every artifact of every step is the same, and as much was sampled.
    Map<String, JsonNode> expected = manifests("undisturbed");
    Map<String, JsonNode> all = manifests("isolated");
    assertThat(all.keySet()).isEqualTo(expected.keySet());
    List<String> repeated = new ArrayList<>();
    expected.forEach(
        (key, manifest) -> {
          JsonNode other = all.get(key);
          assertThat(other.path("outputs")).isEqualTo(manifest.path("outputs"));
          assertThat(ResumesIT.amounts(other)).isEqualTo(ResumesIT.amounts(manifest));
          assertThat(other.at("/worker/versions")).isEqualTo(manifest.at("/worker/versions"));
          if (other.path("attempt").asInt() > 0) {
            repeated.add(other.path("name").asText().replaceFirst("-.*", ""));
          }
        });
    assertThat(repeated).containsExactlyInAnyOrder("debate", "train");
  }

  /**
   * @param loaded native libraries that the process is seen to have loaded
   */
  private JsonNode run(String name, Class<?> program, String isolation, Set<String> loaded)
      throws Exception {
    Path out = folder.resolve(name + ".out");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx1g",
            "-XX:+UseSerialGC",
            "-Dai.djl.offline=true",
            "-D" + FaultyStep.MARKS + "=" + folder.resolve("marks"),
            program.getName(),
            "run",
            "--verbose",
            "--agents",
            "2",
            "--rounds",
            "2",
            "--iterations",
            "1",
            // Two batches, so that a debate can be interrupted between them.
            "--train-questions",
            "150",
            "--evaluate-questions",
            "24",
            "--isolation",
            isolation,
            "--store",
            folder.resolve(name).toString(),
            "--json");
    // In a variable, since ONNX Runtime cannot bear a long command line.
    builder
        .environment()
        .put(
            "CLASSPATH",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    builder.redirectOutput(out.toFile()).redirectError(folder.resolve(name + ".err").toFile());
    Process process = builder.start();
    Instant limit = Instant.now().plus(LIMIT);
    while (!process.waitFor(200, TimeUnit.MILLISECONDS)) {
      assertThat(Instant.now()).as(told(name)).isBefore(limit);
      loaded.addAll(nativeLibraries(process));
    }
    assertThat(process.exitValue()).as(told(name)).isZero();
    return JSON.readTree(out.toFile());
  }

  private static Set<String> nativeLibraries(Process process) {
    Set<String> found = new HashSet<>();
    try {
      Matcher matcher =
          NATIVE.matcher(
              Files.readString(
                  Path.of("/proc", Long.toString(process.pid()), "maps"),
                  StandardCharsets.ISO_8859_1));
      while (matcher.find()) {
        found.add(matcher.group());
      }
    } catch (IOException e) {
      // It has just ended.
      assertThat(process.isAlive()).isFalse();
    }
    return found;
  }

  private String told(String name) throws IOException {
    return Files.readString(folder.resolve(name + ".err"));
  }

  private Map<String, JsonNode> manifests(String name) throws IOException {
    Map<String, JsonNode> manifests = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder.resolve(name).resolve("steps"))) {
      for (Path file : files.filter(each -> each.toString().endsWith(".json")).toList()) {
        manifests.put(file.getFileName().toString(), JSON.readTree(file.toFile()));
      }
    }
    return manifests;
  }
}
