package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * An experiment whose agents are adapters over the built-in model, as it is run from the command
 * line, killed in the middle of a training, audited, traced and forked.
 */
@DisabledOnOs(OS.WINDOWS)
class LoraIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final String[] SMALL = {
    "--train-questions", "40", "--evaluate-questions", "12", "--agents", "2"
  };

  @TempDir private static Path folder;
  private static Path store;
  private static JsonNode undisturbed;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  /** The program, whose trainings commit after every step. */
  static final class Committing {
    public static void main(String[] arguments) {
      Polyphony.run(
          new Instruments(
              UnaryOperator.identity(), UnaryOperator.identity(), Duration.ZERO, StepMain.class),
          arguments);
    }
  }

  @BeforeAll
  static void anExperimentWithAdapters() throws IOException {
    store = folder.resolve("store");
    undisturbed = new LoraIT().json(store, lora("--iterations", "2"));
  }

  private static String[] lora(String... more) {
    List<String> arguments = new ArrayList<>(List.of("run", "--experiment=mine", "--tuning=lora"));
    arguments.addAll(List.of(SMALL));
    arguments.addAll(List.of(more));
    return arguments.toArray(String[]::new);
  }

  @Test
  void allAgentsDebateInOneStepAndOnlyAdaptersAreStored() throws IOException {
    List<JsonNode> manifests = manifests(store);
    assertThat(manifests).extracting(LoraIT::name).doesNotContain("debate");
    // One round of finetuning and of evaluation, twice each, in two iterations; and the untuned.
    assertThat(named(manifests, "debate-round")).hasSize(10);
    List<JsonNode> trainings =
        manifests.stream().filter(each -> name(each).startsWith("train-")).toList();
    assertThat(trainings).hasSize(8);
    for (JsonNode training : trainings) {
      List<String> stored = new ArrayList<>();
      long bytes = 0;
      for (JsonNode output : training.path("outputs")) {
        stored.add(output.path("name").asText());
        bytes += output.path("bytes").asLong();
      }
      assertThat(stored).contains("adapter_model.safetensors").doesNotContain("model.safetensors");
      // The base's weights alone are 3.2 MB.
      assertThat(bytes).isBetween(50_000L, 600_000L);
    }
  }

  @Test
  void theRecordIsWholeAndLeadsFromAnAnswerToTheAdapterThatGaveIt() throws IOException {
    assertThat(run(store, "audit", "mine")).as(text(out) + text(err)).isZero();
    assertThat(run(store, "lineage", "mine/iteration-002/critic-1", "--depth", "3")).isZero();
    assertThat(text(out)).contains("train-critic of iteration 2", "train-critic of iteration 1");
    String adapter =
        named(manifests(store), "train-critic").get(0).path("outputs").findParents("name").stream()
            .filter(each -> each.path("name").asText().equals("adapter_model.safetensors"))
            .map(each -> each.path("sha256").asText())
            .findFirst()
            .orElseThrow();
    assertThat(run(store, "lineage", adapter)).isZero();
    assertThat(text(out)).contains("adapter_model.safetensors", "train-critic of iteration");
    JsonNode story = json(store, "lineage", "mine/iteration-002", "--question", "1");
    assertThat(story.path("said")).hasSize(4);
    JsonNode weights = undisturbed.at("/iterations/2/weights");
    for (JsonNode said : story.path("said")) {
      String role = said.path("round").asInt() == 1 ? "generator-" : "critic-";
      assertThat(said.path("weights")).isEqualTo(weights.path(role + said.path("agent").asText()));
    }
    assertThat(json(store, "lineage", "mine/iteration-002/critic-1", "--examples")).isNotEmpty();
    String page = folder.resolve("mine.html").toString();
    assertThat(run(store, "report", "mine", "--output", page)).as(text(err)).isZero();
    assertThat(Path.of(page)).content().contains("LoRA, rank 8, all linear layers");
    JsonNode asked = json(store, "ask", "mine", "1+2*3+4-5*6");
    assertThat(asked.at("/setting/weights/critic-2")).isEqualTo(weights.path("critic-2"));
    JsonNode plan =
        json(store, concat("plan", concat("--tuning=lora", concat("--iterations=3", SMALL))));
    assertThat(plan.path("steps").findValuesAsText("step")).contains("debate-round");
    assertThat(plan.at("/forecast/deviceSeconds").asDouble()).isPositive();
  }

  @Test
  void aRunThatIsKilledAmidTheTrainingOfAnAdapterComesToTheVerySameWeights() throws Exception {
    Path killed = folder.resolve("killed");
    Process process = start(killed);
    Instant limit = Instant.now().plus(LIMIT);
    while (!trainsWithCommits(killed)) {
      assertThat(process.isAlive()).as("it ended too early").isTrue();
      assertThat(Instant.now()).as("no training ever committed").isBefore(limit);
      Thread.sleep(1);
    }
    process.destroyForcibly();
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(trainsWithCommits(killed)).as("it was in the middle of a training").isTrue();

    JsonNode resumed = json(killed, lora("--iterations", "2"));
    assertThat(resumed.path("reusedSteps").asInt()).isPositive();
    assertThat(resumed.path("iterations")).isEqualTo(undisturbed.path("iterations"));
    assertThat(run(killed, "audit", "mine")).as(text(out)).isZero();
  }

  @Test
  void aForkGoesFromFullFinetuningToAdaptersAndBack() throws IOException {
    Path forks = folder.resolve("forks");
    json(forks, concat("run", concat("--experiment=full", concat("--iterations=2", SMALL))));
    JsonNode fork =
        json(
            forks,
            "fork",
            "full",
            "--from",
            "2",
            "--experiment=adapters",
            "--set",
            "training.tuning=lora",
            "--set",
            "iterations=3");
    assertThat(fork.path("iterations")).hasSize(4);
    // Agents have bases of their own, that is the weights that each had before.
    List<JsonNode> rounds = named(manifests(forks), "debate-round");
    assertThat(rounds).hasSize(8);
    assertThat(rounds).extracting(each -> each.at("/inputs/iteration").asInt()).containsOnly(2, 3);
    assertThat(run(forks, "audit", "adapters")).as(text(out)).isZero();

    JsonNode full =
        json(
            forks,
            "fork",
            "adapters",
            "--from",
            "3",
            "--experiment=full-again",
            "--set",
            "training.tuning=full");
    assertThat(full.at("/iterations/2")).isEqualTo(fork.at("/iterations/2"));
    assertThat(full.at("/iterations/3/weights")).isNotEqualTo(fork.at("/iterations/3/weights"));
    assertThat(run(forks, "fork", "adapters", "--from", "3", "--set", "training.rank=4"))
        .isNotZero();
    assertThat(text(err)).contains("iteration 2 of adapters has", "is LoRA of rank 8");
  }

  private Process start(Path into) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-XX:+UseSerialGC",
                "-Dai.djl.offline=true",
                Committing.class.getName()));
    command.addAll(List.of(lora("--iterations", "2", "--store", into.toString())));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectOutput(folder.resolve("killed.out").toFile())
            .redirectError(folder.resolve("killed.err").toFile());
    // In a variable, since ONNX Runtime cannot bear a long command line.
    builder
        .environment()
        .put(
            "CLASSPATH",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    return builder.start();
  }

  /** Whether a training of iteration 2 has committed something and is not finished. */
  private static boolean trainsWithCommits(Path in) {
    for (String key : names(in.resolve("progress"))) {
      Path use = in.resolve("uses").resolve("mine").resolve(key + ".json");
      try {
        if (names(in.resolve("progress").resolve(key)).size() > 1
            && !Files.exists(in.resolve("steps").resolve(key + ".json"))
            && Files.exists(use)
            && Files.readString(use).contains("train-")
            && Files.readString(use).contains("iteration-002")) {
          return true;
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return false;
  }

  private static String[] concat(String first, String[] rest) {
    return Stream.concat(Stream.of(first), Stream.of(rest)).toArray(String[]::new);
  }

  private JsonNode json(Path in, String... arguments) throws IOException {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--json");
    assertThat(run(in, all.toArray(String[]::new))).as(text(err)).isZero();
    return JSON.readTree(text(out));
  }

  private int run(Path in, String... arguments) {
    out.reset();
    err.reset();
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--store");
    all.add(in.toString());
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    return Polyphony.execute(console, Assembly::of, all.toArray(String[]::new));
  }

  private static String text(ByteArrayOutputStream stream) {
    return stream.toString(StandardCharsets.UTF_8);
  }

  private static String name(JsonNode manifest) {
    return manifest.path("name").asText();
  }

  private static List<JsonNode> named(List<JsonNode> manifests, String name) {
    return manifests.stream().filter(each -> name(each).equals(name)).toList();
  }

  private static List<JsonNode> manifests(Path in) throws IOException {
    List<JsonNode> manifests = new ArrayList<>();
    for (String name : names(in.resolve("steps"))) {
      if (name.endsWith(".json")) {
        manifests.add(JSON.readTree(in.resolve("steps").resolve(name).toFile()));
      }
    }
    return manifests;
  }

  /** What a folder holds; nothing where it is not there (yet, or any more). */
  private static List<String> names(Path path) {
    try (Stream<Path> files = Files.list(path)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
