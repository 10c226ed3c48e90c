package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.temporal.testserver.TestServer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.activities.plan.Plan;
import polyphony.activities.plan.PlanningSteps;
import polyphony.activities.plan.Rates;
import polyphony.storage.Artifacts;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.Steps;
import polyphony.storage.Worker;
import polyphony.workflows.Debate;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Purpose;

/** The command line from its arguments to its exit code, over the real workflows and fake steps. */
class CommandLineTest {
  @TempDir private Path folder;
  private final FakeSteps steps = new FakeSteps();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private String in = "";
  private Map<String, String> environment = Map.of();
  private Parts.Planning planning =
      (name, asked) -> {
        throw new AssertionError("nothing is planned here");
      };

  @Test
  void aRunPrintsItsTable() {
    assertThat(run("run", "--agents", "2", "--iterations", "1")).isZero();
    assertThat(output().lines().map(line -> line.replaceFirst(" {2,}.*", "")))
        .containsExactly("", "iteration", "untuned", "1");
    assertThat(errors())
        .contains(
            "experiment multiagent-ft-arithmetic-seed0-",
            "steps computed, 0 reused",
            "a demonstration on a small model, not evidence about large ones");
  }

  @Test
  void theJsonIsAllThatStandardOutputHolds() throws IOException {
    assertThat(run("run", "--method", "majority", "--seed", "4", "--json")).isZero();
    JsonNode json = new ObjectMapper().readTree(output());
    assertThat(json.path("method").asText()).isEqualTo("majority");
    assertThat(json.path("seed").asInt()).isEqualTo(4);
    assertThat(json.path("iterations")).hasSize(1);
    assertThat(json.path("orchestrationShare").asDouble()).isEqualTo(1.0);
    assertThat(errors()).contains("untuned");
  }

  @Test
  void theSameCommandGoesOnAndMoreIterationsExtend() throws IOException {
    run("run", "--iterations", "1", "--json");
    JsonNode first = json();
    run("run", "--iterations", "1", "--json");
    JsonNode again = json();
    run("run", "--iterations", "2", "--json");
    JsonNode extended = json();
    assertThat(again.path("computedSteps").asInt(-1)).isZero();
    assertThat(again.path("reusedSteps").asInt()).isEqualTo(first.path("computedSteps").asInt());
    assertThat(again.path("iterations")).isEqualTo(first.path("iterations"));
    assertThat(extended.path("experiment")).isEqualTo(first.path("experiment"));
    assertThat(extended.path("reusedSteps").asInt()).isEqualTo(first.path("computedSteps").asInt());
    assertThat(extended.path("computedSteps").asInt()).isPositive();
  }

  @Test
  void aFaultThatThereIsNotIsRefusedWithThoseThatThereAre() {
    assertThat(run("bench", "chaos", "--fault", "kill-in-vote,flood")).isEqualTo(2);
    assertThat(errors())
        .contains("there is no fault \"flood\"", "kill-in-vote", "zombie", "disk-full");
  }

  @Test
  void anotherSeedIsAnotherExperiment() throws IOException {
    run("run", "--method", "base", "--json");
    String one = json().path("experiment").asText();
    run("run", "--method", "base", "--seed", "1", "--json");
    assertThat(json().path("experiment").asText()).isNotEqualTo(one);
  }

  @Test
  void aSpecIsReadFromAFileOrFromStandardInput() throws IOException {
    Path file =
        Files.writeString(folder.resolve("spec.json"), "{\"method\": \"base\", \"seed\": 9}");
    assertThat(run("run", file.toString(), "--json", "--experiment", "mine")).isZero();
    assertThat(json().path("experiment").asText()).isEqualTo("mine");
    in = "{\"method\": \"base\"}";
    assertThat(run("run", "-", "--json")).isZero();
    assertThat(json().path("method").asText()).isEqualTo("base");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"agent\": 3} | agent",
        "{\"agents\": 0} | agents",
        "{\"agents\": 17} | agents",
        "{\"rounds\": 0} | rounds",
        "{\"rounds\": 9} | rounds",
        "{\"iterations\": -1} | iterations",
        "{\"iterations\": 101} | iterations",
        "{\"agents\": 2.5} | agents",
        "{\"agents\": \"three\"} | agents",
        "{\"method\": \"magic\"} | multiagent-ft",
        "{\"task\": \"chess\"} | arithmetic",
        "{\"task\": {\"train\": 100000}} | 2000",
        "{\"training\": {\"epoch\": 3}} | epochs",
        "{\"criticMix\": 2} | criticMix",
        "{\"experiment\": \"../up\"} | experiment",
        "{\"agents\": 3, \"agents\": 3} | agents",
        "{\"agents\": 3 | JSON",
        "[3] | JSON"
      })
  void aSpecThatCannotBeIsOneLineThatSaysWhatToChange(String spec, String part) {
    in = spec;
    refused(2, part, "run", "-");
  }

  @Test
  void flagsAreCheckedAsTheFileIs() {
    refused(2, "--agents", "run", "--agents", "many");
    refused(2, "agents", "run", "--agents", "0");
    refused(2, "--agent", "run", "--agent", "3");
    refused(2, "fly", "fly");
    refused(2, "nowhere.json", "run", folder.resolve("nowhere.json").toString());
  }

  @Test
  void anExperimentNeverChangesUnderItsName() {
    assertThat(run("run", "--method", "base", "--experiment", "mine")).isZero();
    refused(2, "seed", "run", "--method", "base", "--experiment", "mine", "--seed", "5");
  }

  @Test
  void aMistakeInTheEnvironmentIsOneLine() {
    environment = Map.of("POLYPHONY_SLOTS", "none");
    refused(2, "POLYPHONY_SLOTS", "run");
    environment = Map.of("POLYPHONY_SPEED", "max");
    refused(2, "POLYPHONY_SPEED", "run");
  }

  @Test
  void aServiceThatDoesNotAnswerIsOneLine() {
    environment = Map.of("TEMPORAL_ADDRESS", "127.0.0.1:1");
    refused(1, "TEMPORAL_ADDRESS", "run");
  }

  @Test
  void atAServerARunningExperimentIsJoinedUnlessTheSpecDiffers() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    ByteArrayOutputStream joined = new ByteArrayOutputStream();
    try (var server = TestServer.createPortBoundServer(port, true)) {
      assertThat(server).isNotNull();
      environment = Map.of("TEMPORAL_ADDRESS", "127.0.0.1:" + port);
      steps.gate = new CountDownLatch(1);
      CompletableFuture<Integer> first =
          CompletableFuture.supplyAsync(
              () ->
                  run(
                      console(new ByteArrayOutputStream(), err),
                      "run",
                      "--method",
                      "base",
                      "--json"));
      awaitLine(err, "experiment base-");
      CompletableFuture<Integer> second =
          CompletableFuture.supplyAsync(
              () -> run(console(out, joined), "run", "--method", "base", "--json"));
      awaitLine(joined, "joined the running experiment base-");
      String name = joined.toString(StandardCharsets.UTF_8).strip().replaceFirst(".* ", "");
      ByteArrayOutputStream refused = new ByteArrayOutputStream();
      assertThat(
              run(
                  console(new ByteArrayOutputStream(), refused),
                  "run",
                  "--method",
                  "base",
                  "--seed",
                  "5",
                  "--experiment",
                  name))
          .isEqualTo(2);
      assertThat(refused.toString(StandardCharsets.UTF_8)).contains("running with another spec");
      steps.gate.countDown();
      assertThat(first.get(1, TimeUnit.MINUTES)).isZero();
      assertThat(second.get(1, TimeUnit.MINUTES)).isZero();
      assertThat(json().path("experiment").asText()).isEqualTo(name);
      // Workers elsewhere may have been busy: nobody here can tell.
      assertThat(json().path("orchestrationShare").isNull()).isTrue();
    }
  }

  private static void awaitLine(ByteArrayOutputStream stream, String part)
      throws InterruptedException {
    Instant limit = Instant.now().plusSeconds(60);
    while (!stream.toString(StandardCharsets.UTF_8).contains(part)) {
      assertThat(Instant.now()).as("waiting for: " + part).isBefore(limit);
      Thread.sleep(5);
    }
  }

  /** A debate to be computed, of a kind that was never measured. */
  private Planner.Planned planned(String name, ExperimentSpec asked) {
    FolderObjectStore store = new FolderObjectStore(folder.resolve("store"));
    Experiment experiment = steps.resolve(name, asked);
    Rates rates = Rates.read(store, experiment, "cpu");
    Steps nothing =
        new Steps(
            store,
            new Artifacts(store, new LocalCache(folder.resolve("cache"), 1L << 20)),
            Worker.here("cpu", Map.of()),
            Clock.systemUTC());
    PlanningSteps planner = new PlanningSteps(nothing, steps, rates);
    planner.debate(
        new Debate.Request(
            0,
            Purpose.EVALUATE,
            0,
            0,
            1,
            "arithmetic",
            experiment.evaluateQuestions(),
            0,
            40,
            experiment.prompts(),
            experiment.base(),
            null,
            List.of(),
            experiment.spec().sampling(),
            50,
            Map.of(),
            null,
            null,
            null));
    return new Planner.Planned(new Plan(experiment, planner.planned()), rates, Optional.empty());
  }

  @Test
  void aPilotIsNamedAndWhatItCouldNotMeasureIsSaid() {
    planning = this::planned;
    assertThat(run("plan", "--method", "base")).isZero();
    assertThat(errors())
        .containsPattern("prune pilot-[0-9a-f]{8} --older-than 1h --delete removes it")
        .containsPattern("experiment pilot-[0-9a-f]{8}");
    assertThat(output())
        .contains("no forecast of time and room: the pilot had no first answers to measure")
        .doesNotContain("polyphony plan measures first");

    assertThat(run("plan", "--method", "base", "--no-measure")).isZero();
    assertThat(errors()).isEmpty();
    assertThat(output()).contains("polyphony plan measures first");
  }

  @Test
  void aTraceIsShownOnlyWhereItIsAskedFor() {
    run("run", "--agents", "0", "--verbose");
    assertThat(errors()).contains("\tat polyphony.workers");
  }

  @Test
  void helpAndVersionAreResults() {
    assertThat(run("--help")).isZero();
    assertThat(output()).contains("Examples:", "polyphony run", "model");
    assertThat(run("run", "--help")).isZero();
    assertThat(output()).contains("--evaluate-questions", "default: polyphony-store");
    assertThat(run("version")).isZero();
    assertThat(output()).startsWith("polyphony ");
    assertThat(errors()).isEmpty();
  }

  private void refused(int exitCode, String part, String... arguments) {
    assertThat(run(arguments)).as(String.join(" ", arguments)).isEqualTo(exitCode);
    assertThat(output()).isEmpty();
    List<String> lines = errors().lines().filter(line -> !line.startsWith("experiment ")).toList();
    assertThat(lines).hasSize(1).first().asString().startsWith("polyphony: ").contains(part);
  }

  private int run(String... arguments) {
    out.reset();
    err.reset();
    return run(console(out, err), arguments);
  }

  private Console console(ByteArrayOutputStream results, ByteArrayOutputStream messages) {
    return new Console(
        new ByteArrayInputStream(in.getBytes(StandardCharsets.UTF_8)),
        new PrintStream(results, true, StandardCharsets.UTF_8),
        new PrintStream(messages, true, StandardCharsets.UTF_8),
        environment,
        false,
        100);
  }

  private int run(Console console, String... arguments) {
    return Polyphony.execute(console, (settings, store) -> parts(), arguments);
  }

  private Parts parts() {
    return new Parts(
        steps.activities(),
        FakeSteps::complete,
        new BusyClock(System::nanoTime),
        () -> 0,
        List::of,
        Worker.here("cpu", Map.of()),
        2,
        new FolderObjectStore(folder.resolve("store")),
        planning,
        () -> {});
  }

  private JsonNode json() throws IOException {
    return new ObjectMapper().readTree(output());
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
