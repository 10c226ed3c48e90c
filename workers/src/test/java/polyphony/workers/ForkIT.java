package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Plans and forks with the real model: what is planned is what is done, and a fork shares with its
 * experiment whatever its other settings do not change.
 */
class ForkIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String[] SMALL = {
    "--train-questions", "24", "--evaluate-questions", "12", "--agents", "2", "--iterations", "2"
  };

  @TempDir private static Path folder;
  private static Path store;
  private static JsonNode begun;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeAll
  static void anExperimentThatWasPlannedFirst() throws IOException {
    store = folder.resolve("store");
    ForkIT before = new ForkIT();
    JsonNode plan = before.json("plan", "--no-measure", SMALL);
    assertThat(plan.path("forecast").isNull()).as("nothing was measured yet").isTrue();
    begun = before.json("run", "--experiment=begun", SMALL);
    assertThat(begun.path("computedSteps").asInt()).isEqualTo(steps(plan, "computed"));
    assertThat(begun.path("reusedSteps").asInt()).isEqualTo(steps(plan, "reused"));
  }

  @Test
  void whatIsThereAlreadyIsPlannedToBeReusedAndNothingIsChanged() throws IOException {
    Set<String> before = files();
    JsonNode plan = json("plan", "--experiment=begun", SMALL);

    assertThat(steps(plan, "computed")).isZero();
    assertThat(steps(plan, "reused")).isEqualTo(begun.path("computedSteps").asInt());
    assertThat(plan.at("/forecast/deviceSeconds").asDouble()).isZero();
    assertThat(files()).isEqualTo(before);
  }

  @Test
  void aForkComputesWhatItsSettingsChangeAndNothingElse() throws IOException {
    String[] fork = {
      "begun", "--from", "2", "--experiment", "fork", "--set", "training.critic.epochs=1"
    };
    JsonNode plan = json("fork", "--only-plan", fork);
    JsonNode done = json("fork", "--json", fork);

    assertThat(done.path("computedSteps").asInt()).isEqualTo(steps(plan, "computed"));
    assertThat(done.path("reusedSteps").asInt()).isEqualTo(steps(plan, "reused"));
    // Other critics, and the second round of the evaluation's debate with them.
    assertThat(computed(plan))
        .containsExactly("2 debate 2", "2 vote 1", "2 train-critic 2", "2 evaluate 1");
    assertThat(plan.at("/forecast/seconds").asDouble()).isPositive();
    assertThat(plan.at("/forecast/storedBytes").asLong()).isGreaterThan(2 * 3_000_000L);

    JsonNode weights = done.at("/iterations/2/weights");
    assertThat(weights.path("generator-1"))
        .isEqualTo(begun.at("/iterations/2/weights/generator-1"));
    assertThat(weights.path("critic-1")).isNotEqualTo(begun.at("/iterations/2/weights/critic-1"));
    assertThat(done.at("/iterations/1")).isEqualTo(begun.at("/iterations/1"));

    assertThat(run("audit", "fork")).as(text(out) + text(err)).isZero();
    assertThat(run("compare", "begun", "fork")).as(text(err)).isZero();
    assertThat(text(out)).contains("fork.iteration 2");
  }

  @Test
  void aForkThatCannotBeIsRefusedBeforeAnythingRuns() {
    assertThat(run("fork", "nothing", "--from", "1")).isEqualTo(2);
    assertThat(text(err)).contains("no experiment nothing to be forked");
    assertThat(run("fork", "begun", "--from", "2", "--set", "agents=5")).isEqualTo(2);
    assertThat(text(err)).contains("--set agents: a fork cannot change it");
    assertThat(run("fork", "begun", "--from", "2", "--set", "criticMix=2")).isEqualTo(2);
    assertThat(text(err)).contains("criticMix is 2");
  }

  /** What there is of a kind in a plan, in all. */
  private static int steps(JsonNode plan, String field) {
    int count = 0;
    for (JsonNode row : plan.path("steps")) {
      count += row.path(field).asInt();
    }
    return count;
  }

  private static List<String> computed(JsonNode plan) {
    List<String> computed = new ArrayList<>();
    for (JsonNode row : plan.path("steps")) {
      if (row.path("computed").asInt() > 0) {
        computed.add(
            row.path("iteration").asText()
                + " "
                + row.path("step").asText()
                + " "
                + row.path("computed").asText());
      }
    }
    return computed;
  }

  private static Set<String> files() throws IOException {
    try (Stream<Path> files = Files.walk(store)) {
      Set<String> names = new TreeSet<>();
      files
          .map(store::relativize)
          .map(Path::toString)
          .filter(each -> !each.startsWith(".work"))
          .forEach(names::add);
      return names;
    }
  }

  private JsonNode json(String command, String flag, String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(command, flag));
    arguments.addAll(List.of(more));
    if (!arguments.contains("--json")) {
      arguments.add("--json");
    }
    assertThat(run(arguments.toArray(String[]::new))).as(text(err)).isZero();
    return JSON.readTree(text(out));
  }

  private int run(String... arguments) {
    out.reset();
    err.reset();
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--store", store.toString()));
    return Polyphony.execute(console, Instruments.NONE, all.toArray(String[]::new));
  }

  private static String text(ByteArrayOutputStream stream) {
    return stream.toString(StandardCharsets.UTF_8);
  }
}
