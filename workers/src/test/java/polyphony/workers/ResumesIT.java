package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.StepManifest;

/**
 * The promise that nothing finished is computed twice or lost, proven on the program itself: its
 * process is killed in a debate, in a training and in an evaluation, and the same command goes on
 * each time. The weights at the end are those of a run that nobody disturbed.
 */
@DisabledOnOs(OS.WINDOWS)
class ResumesIT {
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path folder;

  /** A program under way. */
  private record Running(Process process, Path store, Path out, Path err) {
    /** Waits for {@code moment}, then kills the process as {@code kill -9} does. */
    void killAt(Predicate<Path> moment) throws Exception {
      Instant limit = Instant.now().plus(LIMIT);
      while (!moment.test(store)) {
        assertThat(process.isAlive()).as("it ended too early: %s", told(err)).isTrue();
        assertThat(Instant.now()).as("the moment to kill it never came").isBefore(limit);
        Thread.sleep(1);
      }
      process.destroyForcibly();
      assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    }

    JsonNode result() throws Exception {
      assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as(told(err)).isZero();
      return JSON.readTree(out.toFile());
    }

    private static String told(Path err) {
      try {
        return Files.readString(err);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Test
  void aKilledRunGoesOnToTheVeryWeightsOfAnUndisturbedOne() throws Exception {
    JsonNode undisturbed = start("undisturbed").result();

    // In a debate, between two of its segments.
    List<String> committed = new ArrayList<>();
    start("killed").killAt(store -> committed.addAll(unfinishedWithCommits(store)));
    Instant killed = Instant.now();
    Path store = folder.resolve("killed");
    Map<String, byte[]> segments = segments(store, committed);
    assertThat(segments).isNotEmpty();
    int finishedBefore = manifests(store).size();

    // In a training.
    start("killed").killAt(next -> claimedAfter(next, "split", manifest -> true));
    Map<String, JsonNode> trained = manifests(store);
    assertThat(named(trained, "split")).hasSize(1);
    assertThat(named(trained, "train-generator").size() + named(trained, "train-critic").size())
        .isLessThan(4);
    assertThat(trained).hasSizeGreaterThan(finishedBefore);
    for (String key : committed) {
      JsonNode debate = trained.get(key);
      assertThat(debate.path("name").asText()).isEqualTo("debate");
      // What was committed before the kill is part of the result: it was not sampled again.
      assertThat(Instant.parse(debate.path("started").asText())).isBefore(killed);
      assertThat(debate.path("attempt").asInt()).isPositive();
    }

    // In the evaluation.
    start("killed")
        .killAt(
            next ->
                claimedAfter(
                    next,
                    "vote",
                    manifest ->
                        manifest.at("/inputs/iteration").asInt() == 1
                            && manifest.at("/inputs/purpose").asText().equals("evaluate")));
    Map<String, JsonNode> evaluated = manifests(store);
    assertThat(named(evaluated, "train-generator")).hasSize(2);
    assertThat(named(evaluated, "train-critic")).hasSize(2);
    assertThat(named(evaluated, "evaluate")).hasSize(1);

    JsonNode resumed = start("killed").result();
    assertThat(resumed.path("reusedSteps").asInt())
        .isEqualTo(evaluated.size() - named(evaluated, "record").size());
    assertThat(resumed.path("reusedSteps").asInt() + resumed.path("computedSteps").asInt())
        .isEqualTo(undisturbed.path("computedSteps").asInt());
    assertThat(resumed.path("iterations")).isEqualTo(undisturbed.path("iterations"));
    assertThat(resumed.at("/iterations/1/weights")).hasSize(4);

    // Not only the weights: every artifact of every step is the same, and as much was sampled.
    Map<String, JsonNode> all = manifests(store);
    Map<String, JsonNode> expected = manifests(folder.resolve("undisturbed"));
    assertThat(all.keySet()).isEqualTo(expected.keySet());
    for (Map.Entry<String, JsonNode> each : expected.entrySet()) {
      JsonNode other = all.get(each.getKey());
      assertThat(other.path("outputs")).isEqualTo(each.getValue().path("outputs"));
      assertThat(amounts(other)).isEqualTo(amounts(each.getValue()));
    }
    assertThat(names(store.resolve("progress"))).isEmpty();

    JsonNode compared = compared(store, resumed.path("experiment").asText());
    assertThat(compared.at("/rows/0/label").asText()).isEqualTo("multiagent-ft");
    for (int iteration = 0; iteration < 2; iteration++) {
      assertThat(compared.at("/rows/0/iterations/" + iteration + "/accuracy"))
          .isEqualTo(undisturbed.at("/iterations/" + iteration + "/accuracy"));
    }
    assertThat(compared.at("/rows/0/iterations/1/criticTokens").asDouble()).isPositive();
    assertThat(compared.at("/differences/0/paired/questions").asInt()).isEqualTo(24);
  }

  private static JsonNode compared(Path store, String experiment) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            System.err,
            Map.of(),
            false,
            100);
    assertThat(
            Polyphony.execute(
                console,
                Assembly::of,
                "compare",
                experiment,
                "--store",
                store.toString(),
                "--json"))
        .isZero();
    return JSON.readTree(out.toByteArray());
  }

  private Running start(String name) throws IOException {
    Path out = Files.createTempFile(folder, name, ".out");
    Path err = Files.createTempFile(folder, name, ".err");
    Path store = folder.resolve(name);
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx1g",
            "-XX:+UseSerialGC",
            "-Dai.djl.offline=true",
            Polyphony.class.getName(),
            "run",
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
            "--store",
            store.toString(),
            "--json");
    // In a variable, since ONNX Runtime cannot bear a long command line.
    builder
        .environment()
        .put(
            "CLASSPATH",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    builder.redirectOutput(out.toFile()).redirectError(err.toFile());
    return new Running(builder.start(), store, out, err);
  }

  /** Steps that are not finished but have committed something. */
  private static List<String> unfinishedWithCommits(Path store) {
    return names(store.resolve("progress")).stream()
        .filter(key -> !names(store.resolve("progress").resolve(key)).isEmpty())
        .filter(key -> !Files.exists(store.resolve("steps").resolve(key + ".json")))
        .toList();
  }

  /** Whether a step of this kind is finished, and another one after it is under way. */
  private static boolean claimedAfter(Path store, String name, Predicate<JsonNode> which) {
    List<String> claimed =
        names(store.resolve("claims")).stream()
            .filter(key -> !Files.exists(store.resolve("steps").resolve(key + ".json")))
            .filter(key -> !names(store.resolve("claims").resolve(key)).isEmpty())
            .toList();
    return !claimed.isEmpty() && named(manifests(store), name).stream().anyMatch(which);
  }

  /** The commits of these steps, by file. */
  private static Map<String, byte[]> segments(Path store, List<String> keys) throws IOException {
    Map<String, byte[]> segments = new TreeMap<>();
    for (String key : keys) {
      for (String name : names(store.resolve("progress").resolve(key))) {
        segments.put(
            key + "/" + name,
            Files.readAllBytes(store.resolve("progress").resolve(key).resolve(name)));
      }
    }
    return segments;
  }

  private static Map<String, JsonNode> manifests(Path store) {
    Map<String, JsonNode> manifests = new TreeMap<>();
    for (String name : names(store.resolve("steps"))) {
      if (name.endsWith(".json")) {
        try {
          manifests.put(
              name.substring(0, name.length() - ".json".length()),
              JSON.readTree(store.resolve("steps").resolve(name).toFile()));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    return manifests;
  }

  private static List<JsonNode> named(Map<String, JsonNode> manifests, String name) {
    return manifests.values().stream()
        .filter(manifest -> manifest.path("name").asText().equals(name))
        .toList();
  }

  /** What a folder holds; nothing where it is not there (yet, or any more). */
  private static List<String> names(Path path) {
    try (Stream<Path> files = Files.list(path)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  /** What a step used, but for how long that took. */
  static JsonNode amounts(JsonNode manifest) {
    ObjectNode amounts = manifest.path("usage").deepCopy();
    amounts.remove(StepManifest.MODEL_SECONDS);
    return amounts;
  }
}
