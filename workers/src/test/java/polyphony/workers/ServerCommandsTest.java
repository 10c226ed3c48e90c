package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.temporal.client.WorkflowOptions;
import io.temporal.testserver.TestServer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.lm.Device;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Worker;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.FinetuningIteration;
import polyphony.workflows.PolyphonyDataConverter;
import polyphony.workflows.Society;
import polyphony.workflows.SpecDefaults;

/**
 * The commands around a Temporal service, at a service bound to a port, with fake steps: a worker
 * that serves it, and everything that a person asks of it from elsewhere.
 */
@DisabledOnOs(OS.WINDOWS)
@Timeout(120)
class ServerCommandsTest {
  private static final String[] SMALL = {"--method", "base", "--experiment", "mine"};

  @TempDir private Path folder;
  private final FakeSteps steps = new FakeSteps();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final ByteArrayOutputStream workerErr = new ByteArrayOutputStream();
  private Map<String, String> environment = Map.of();
  private TestServer.PortBoundTestServer server;
  private CompletableFuture<Integer> worker;

  @BeforeEach
  void aService() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    environment =
        Map.of("TEMPORAL_ADDRESS", "127.0.0.1:" + port, "POLYPHONY_UI_ADDRESS", "http://ui:8233");
    server = TestServer.createPortBoundServer(port, true);
  }

  @AfterEach
  void theServiceEnds() throws Exception {
    steps.gate.countDown();
    if (worker != null && !worker.isDone()) {
      stopWorker();
    }
    server.close();
  }

  @Test
  void aWorkerSaysWhatItServesAndEndsInPeaceOnASignal() throws Exception {
    startWorker("--queues", "sampling,training", "--slots", "3");
    assertThat(told(workerErr))
        .contains(
            "worker cpu@",
            "Temporal at 127.0.0.1:",
            "namespace default",
            "queues sampling, training",
            "3 slots",
            "store: the folder ");
    assertThat(stopWorker()).isZero();
    assertThat(told(workerErr)).endsWith("stopped; nothing that is finished is lost\n");
  }

  @Test
  void anExperimentIsStartedHereAndRunThere() throws Exception {
    assertThat(run(with("start", SMALL))).as(told(err)).isZero();
    assertThat(told(out))
        .isEqualTo(
            """
            started experiment mine
            watch it with: polyphony watch mine
            or at:         http://ui:8233/namespaces/default/workflows/mine
            """);
    assertThat(run(with("start", SMALL))).isZero();
    assertThat(told(out)).startsWith("experiment mine is running already\n");
    startWorker();
    assertThat(run("watch", "mine")).as(told(err)).isZero();
    assertThat(told(out).lines().map(line -> line.replaceFirst(" {2,}.*", "")))
        .containsExactly("", "iteration", "untuned");
    assertThat(told(err)).contains("done in ");
    assertThat(run("status", "mine")).isZero();
    assertThat(told(out))
        .startsWith("mine · base on arithmetic · ")
        .containsPattern("\ncompleted \\d{4}-")
        .contains("0.500 ± 0.158");
  }

  @Test
  void aRunningExperimentTellsWhoWorksOnIt() throws Exception {
    steps.gate = new CountDownLatch(1);
    startWorker();
    run(with("start", SMALL));
    awaitStatus("debate running on cpu@");
    assertThat(told(out)).contains("running since ", "debate for evaluation 0/", "untuned society");
    assertThat(run("status", "mine", "--json")).isZero();
    JsonNode status = json();
    assertThat(status.path("state").asText()).isEqualTo("RUNNING");
    assertThat(status.at("/pending/0/step").asText()).isEqualTo("debate");
    assertThat(status.at("/pending/0/attempt").asInt()).isEqualTo(1);
    assertThat(status.at("/pending/0/worker").asText()).startsWith("cpu@");
  }

  @Test
  void operatorsSteerARunningExperiment() throws Exception {
    steps.gate = new CountDownLatch(1);
    startWorker();
    run("start", "--experiment", "mine", "--agents", "2", "--iterations", "1");
    awaitStatus("debate running");
    assertThat(run("pause", "mine")).as(told(err)).isZero();
    assertThat(told(out)).isNotBlank().hasLineCount(1);
    refused("pause is refused", "pause", "mine");
    assertThat(run("resume", "mine")).as(told(err)).isZero();
    refused("1 to 99", "extend", "mine", "1000");
    refused("retry is refused", "retry", "mine");
    refused("64", "recompute", "mine", "nothing");
    assertThat(run("extend", "mine", "2")).as(told(err)).isZero();
    assertThat(run("stop-after-iteration", "mine")).as(told(err)).isZero();
    steps.gate.countDown();
    assertThat(run("watch", "mine", "--json")).isZero();
    assertThat(json().path("iterations")).hasSize(1);
    refused("start it again", "pause", "mine");
  }

  @Test
  void everyCommandPrintsOneJsonObjectWhereItIsAskedTo() throws Exception {
    json("bootstrap", "--json");
    assertThat(json("start", "--experiment", "mine", "--agents", "2", "--json").path("started"))
        .isEqualTo(BooleanNode.TRUE);
    steps.gate = new CountDownLatch(1);
    startWorker();
    awaitStatus("debate running");
    json("status", "mine", "--json");
    json("list", "--json");
    for (String command : List.of("pause", "resume", "stop-after-iteration")) {
      JsonNode done = json(command, "mine", "--json");
      assertThat(done.path("action").asText()).isEqualTo(command);
      assertThat(done.path("answer").asText()).isNotBlank();
    }
    json("extend", "mine", "1", "--json");
    json("abort", "mine", "--json");
    assertThat(run("watch", "mine", "--json")).isEqualTo(Failure.OTHER);
    assertThat(told(out)).as("no result: nothing").isEmpty();
  }

  @Test
  void anAbortedExperimentSaysWhy() throws Exception {
    steps.gate = new CountDownLatch(1);
    startWorker();
    run(with("start", SMALL));
    awaitStatus("debate running");
    // The debate is stopped: the in-process service gets stuck where it ends by itself just then.
    assertThat(run("abort", "mine", "it was the wrong seed")).as(told(err)).isZero();
    assertThat(run("watch", "mine")).isEqualTo(Failure.OTHER);
    assertThat(told(err)).contains("it was the wrong seed");
    assertThat(run("status", "mine")).isZero();
    assertThat(told(out)).contains("\nfailed ", "it was the wrong seed");
  }

  @Test
  void withoutAWorkerNobodyWaitsForEver() throws Exception {
    run(with("start", SMALL));
    try (TemporalAccess temporal =
        TemporalAccess.connect(
            Settings.of(environment, 1).temporal().orElseThrow(), Person.identity())) {
      RemoteExperiment remote =
          new RemoteExperiment(temporal.client(), "mine", Duration.ofMillis(300));
      assertThat(remote.progress()).isEmpty();
      assertThatThrownBy(() -> remote.update("pause"))
          .isInstanceOf(PolyphonyException.class)
          .hasMessageContaining("no worker answers")
          .hasMessageContaining("polyphony worker");
    }
  }

  @Test
  void anEarlyIterationOfAForkHasTheSpecThatWasInForce() throws Exception {
    Experiment begun = steps.resolve("begun", PolyphonyDataConverter.parse("{\"rounds\": 2}"));
    ExperimentSpec changed =
        SpecDefaults.complete(
            PolyphonyDataConverter.parse(
                "{\"fork\": {\"experiment\": \"begun\", \"iteration\": 2}, \"rounds\": 3}"),
            begun.spec());
    Experiment fork = begun.fork("mine", changed);
    try (TemporalAccess temporal =
        TemporalAccess.connect(
            Settings.of(environment, 1).temporal().orElseThrow(), Person.identity())) {
      RemoteExperiment remote = new RemoteExperiment(temporal.client(), "mine");
      for (int iteration = 1; iteration <= 2; iteration++) {
        String id = ExperimentNames.iteration("mine", iteration);
        temporal
            .client()
            .newUntypedWorkflowStub(
                "FinetuningIteration",
                WorkflowOptions.newBuilder().setWorkflowId(id).setTaskQueue("nobody").build())
            .start(
                new FinetuningIteration.Request(
                    fork, iteration, Society.copies(fork.base(), 3), false));
        assertThat(remote.spec(id)).contains(iteration == 1 ? begun.spec() : changed);
      }
      assertThat(remote.spec(ExperimentNames.iteration("mine", 3))).isEmpty();
    }
  }

  @Test
  void aServiceThatCannotListSaysSoAndTheStoreIsListed() {
    run(with("start", SMALL));
    assertThat(run("list")).isZero();
    assertThat(told(out))
        .isEqualTo(
            "no experiments\nthis Temporal service cannot list experiments; polyphony status shows"
                + " one by its name\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"status", "watch", "pause", "resume", "retry", "skip", "abort"})
  void anExperimentThatNobodyKnowsIsNamed(String command) {
    refused("nobody", command, "nobody");
    refused("allowed", command, "../up");
  }

  @ParameterizedTest
  @ValueSource(strings = {"start", "worker", "bootstrap", "watch mine", "pause mine", "abort mine"})
  void whatNeedsAServiceSaysHowToNameOne(String command) {
    environment = Map.of();
    refused("TEMPORAL_ADDRESS", command.split(" "));
  }

  @Test
  void aWorkersMistakesAreOneLine() {
    refused("orchestration, sampling, training", "worker", "--queues", "samplings");
    refused("--slots", "worker", "--slots", "0");
    refused("--grace", "worker", "--grace", "-1");
    refused("--retention", "bootstrap", "--retention", "0");
    refused("--ui", "bootstrap", "--ui");
  }

  @Test
  void aStoreThatIsAwayIsWaitedForAndOneThatRefusesIsNot() throws Exception {
    AtomicInteger attempts = new AtomicInteger();
    startWorker(
        (settings, store) -> {
          if (attempts.getAndIncrement() == 0) {
            throw PolyphonyException.infrastructure("the bucket: nothing answers there", null);
          }
          return parts(settings);
        });
    assertThat(told(workerErr)).startsWith("waiting: the bucket: nothing answers there\nworker ");
    stopWorker();
    int exitCode =
        Polyphony.execute(
            console(out, err),
            (settings, store) -> {
              throw PolyphonyException.config("the bucket: access denied");
            },
            "worker");
    assertThat(exitCode).isEqualTo(Failure.INPUT);
    assertThat(told(err)).isEqualTo("polyphony: the bucket: access denied\n");
  }

  @Test
  void aServiceIsMadeReadyAsOftenAsOneLikes() {
    assertThat(run("bootstrap")).as(told(err)).isZero();
    assertThat(told(out))
        .contains(
            "namespace default keeps closed experiments for ",
            "PolyphonyPhase",
            " registered",
            "http://ui:8233/namespaces/default/workflows/start-workflow?workflowId=my-experiment");
    assertThat(run("bootstrap", "--ui", "http://other")).isZero();
    assertThat(told(out)).contains("search attributes: all there", "http://other/namespaces");
  }

  private void startWorker(String... arguments) throws Exception {
    startWorker((settings, store) -> parts(settings), arguments);
  }

  private void startWorker(RunCommand.Assembler assembler, String... arguments) throws Exception {
    workerErr.reset();
    worker =
        CompletableFuture.supplyAsync(
            () ->
                Polyphony.execute(
                    console(new ByteArrayOutputStream(), workerErr),
                    assembler,
                    with("worker", arguments)),
            work -> new Thread(work, "worker").start());
    await(() -> told(workerErr).contains("worker cpu@") || worker.isDone());
    assertThat(worker).as(told(workerErr)).isNotDone();
  }

  private int stopWorker() throws Exception {
    // To this process: the worker in it has asked to be told.
    long self = ProcessHandle.current().pid();
    assertThat(new ProcessBuilder("kill", "-TERM", Long.toString(self)).start().waitFor()).isZero();
    return worker.get(1, TimeUnit.MINUTES);
  }

  private void awaitStatus(String part) throws Exception {
    await(() -> run("status", "mine") == 0 && told(out).contains(part));
  }

  private interface Condition {
    boolean holds();
  }

  private void await(Condition condition) throws InterruptedException {
    Instant limit = Instant.now().plusSeconds(60);
    while (!condition.holds()) {
      assertThat(Instant.now()).as(told(out) + told(err) + told(workerErr)).isBefore(limit);
      Thread.sleep(20);
    }
  }

  private void refused(String part, String... arguments) {
    assertThat(run(arguments)).as(String.join(" ", arguments)).isEqualTo(Failure.INPUT);
    assertThat(told(out)).isEmpty();
    assertThat(told(err).lines())
        .hasSize(1)
        .first()
        .asString()
        .startsWith("polyphony: ")
        .contains(part);
  }

  private int run(String... arguments) {
    out.reset();
    err.reset();
    List<String> all = new ArrayList<>(List.of(arguments));
    if (List.of("start", "status", "list").contains(arguments[0])) {
      all.addAll(List.of("--store", folder.resolve("seen-from-here").toString()));
    }
    return Polyphony.execute(
        console(out, err), (settings, store) -> parts(settings), all.toArray(String[]::new));
  }

  private static String[] with(String command, String... arguments) {
    return Stream.concat(Stream.of(command), Stream.of(arguments)).toArray(String[]::new);
  }

  private Console console(ByteArrayOutputStream results, ByteArrayOutputStream messages) {
    return new Console(
        new ByteArrayInputStream(new byte[0]),
        new PrintStream(results, true, StandardCharsets.UTF_8),
        new PrintStream(messages, true, StandardCharsets.UTF_8),
        environment,
        false,
        100);
  }

  private Parts parts(Settings settings) {
    return new Parts(
        steps.activities(),
        FakeSteps::complete,
        new BusyClock(System::nanoTime),
        () -> 0,
        List::of,
        Worker.here("cpu", Map.of()),
        settings.slots(Device.CPU),
        new FolderObjectStore(folder.resolve("store")),
        (name, asked) -> {
          throw new AssertionError("nothing is planned here");
        },
        () -> {});
  }

  private JsonNode json(String... arguments) throws IOException {
    assertThat(run(arguments)).as(told(err)).isZero();
    return json();
  }

  private JsonNode json() throws IOException {
    return JsonMapper.builder()
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .build()
        .readValue(told(out), ObjectNode.class);
  }

  private static String told(ByteArrayOutputStream stream) {
    return stream.toString(StandardCharsets.UTF_8);
  }
}
