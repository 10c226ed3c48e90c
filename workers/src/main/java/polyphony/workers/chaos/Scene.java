package polyphony.workers.chaos;

import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;
import polyphony.workers.Console;
import polyphony.workers.Instruments;
import polyphony.workers.Polyphony;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.PolyphonyDataConverter;

/** Servers, workers and one experiment, with nothing shared with any other scene. */
final class Scene implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration HELD = Duration.ofMinutes(1);

  private final Program program;
  private final Path folder;
  // Not in the folder: a socket's path must be short.
  private final TemporaryFolder homes =
      new TemporaryFolder(Path.of(System.getProperty("java.io.tmpdir")), "chaos");
  private final Servers servers;
  private final StoreJournal journal = new StoreJournal();
  private final List<WorkerProcess> workers = new CopyOnWriteArrayList<>();
  private final WorkflowServiceStubs temporal;
  private final Thread atExit = new Thread(this::endProcesses, "end of a scene");

  private final CompletableFuture<String> reached = new CompletableFuture<>();
  private final CountDownLatch struck = new CountDownLatch(1);
  private volatile Moment moment;
  private volatile Reference reference;
  private volatile boolean refusing;

  /**
   * How the experiment ended.
   *
   * @param result empty where there is none
   * @param said why there is none
   */
  record End(Optional<ExperimentResult> result, String said) {}

  /**
   * Starts the servers and makes them ready.
   *
   * @param folder for everything but the workers' homes
   */
  Scene(Program program, Path folder) {
    this.program = program;
    this.folder = folder;
    this.servers = new Servers(program.servers(), folder.resolve("servers"));
    Runtime.getRuntime().addShutdownHook(atExit);
    this.temporal =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget(servers.environment().get("TEMPORAL_ADDRESS"))
                .validateAndBuildWithDefaults());
    command("bootstrap");
  }

  Servers servers() {
    return servers;
  }

  StoreJournal journal() {
    return journal;
  }

  List<WorkerProcess> workers() {
    return List.copyOf(workers);
  }

  /**
   * Starts another worker.
   *
   * @param home whose place it takes; null for a machine of its own
   */
  WorkerProcess startWorker(WorkerProcess home, boolean smallDisk, List<String> options)
      throws IOException, InterruptedException {
    String name = "worker-" + (workers.size() + 1);
    WorkerProcess worker =
        new WorkerProcess(
            program,
            name,
            folder,
            home == null ? homes.path().resolve("" + workers.size()) : home.home(),
            smallDisk,
            options,
            servers.environment(),
            new StoreProxy(name, servers.store(), new AtTheMoment()));
    workers.add(worker);
    return worker;
  }

  /** Says when {@link #awaitMoment} is to return. */
  void arm(Moment wanted, Reference undisturbed) {
    reference = undisturbed;
    moment = wanted;
  }

  /**
   * Waits for the moment that was armed. Where it comes before a write, that one waits as well.
   *
   * @return the worker that has come to it; empty where none did within {@code limit}, or all have
   *     ended
   */
  Optional<WorkerProcess> awaitMoment(Duration limit) throws InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    while (!reached.isDone()
        && System.nanoTime() < end
        && workers.stream().anyMatch(WorkerProcess::isAlive)) {
      Thread.sleep(1);
    }
    String name = reached.getNow("none");
    return workers.stream().filter(each -> each.name().equals(name)).findFirst();
  }

  /** Lets go what waits for the fault: writes of workers that are alive pass. */
  void struck() {
    struck.countDown();
  }

  /** Whether the store, as workers see it, has no room from now on. */
  void refuseWrites(boolean refuse) {
    refusing = refuse;
  }

  private final class AtTheMoment implements StoreProxy.Gate {
    @Override
    public StoreProxy.Answer before(StoreWrite write) {
      if (refusing) {
        return StoreProxy.Answer.REFUSE;
      }
      Moment awaited = moment;
      if (write == null
          || awaited == null
          || !awaited.before()
          || !awaited.matches(write, reference)
          || !reached.complete(write.worker())) {
        return StoreProxy.Answer.PASS;
      }
      try {
        boolean unused = struck.await(HELD.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      boolean alive =
          workers.stream().anyMatch(each -> each.name().equals(write.worker()) && each.isAlive());
      return alive ? StoreProxy.Answer.PASS : StoreProxy.Answer.DROP;
    }

    @Override
    public void taken(StoreJournal.Entry entry) {
      journal.add(entry);
      Moment awaited = moment;
      if (awaited != null && !awaited.before() && awaited.matches(entry, reference)) {
        reached.complete(entry.worker());
      }
    }
  }

  /** Starts the experiment, as a person would. */
  void start(String experiment, String spec) throws IOException {
    command(
        "start",
        Files.writeString(folder.resolve("spec.json"), spec).toString(),
        "--experiment",
        experiment);
  }

  /** Waits until the experiment is closed, however often its service goes away. */
  End awaitEnd(String experiment, Duration limit) throws InterruptedException, IOException {
    WorkflowStub workflow =
        WorkflowClient.newInstance(
                temporal,
                WorkflowClientOptions.newBuilder()
                    .setNamespace(servers.environment().get("TEMPORAL_NAMESPACE"))
                    .setDataConverter(PolyphonyDataConverter.create())
                    .build())
            .newUntypedWorkflowStub(experiment);
    long end = System.nanoTime() + limit.toNanos();
    while (System.nanoTime() < end) {
      try {
        if (workflow.describe().getStatus()
            != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING) {
          return new End(Optional.of(workflow.getResult(ExperimentResult.class)), "");
        }
      } catch (WorkflowFailedException e) {
        return new End(Optional.empty(), "it failed: " + e.getCause());
      } catch (WorkflowException | StatusRuntimeException e) {
        // Not there at the moment.
      }
      Thread.sleep(POLL.toMillis());
    }
    return new End(
        Optional.empty(),
        "it has not ended after " + limit.toSeconds() + " s: " + told(experiment));
  }

  private String told(String experiment) throws IOException {
    StringBuilder told = new StringBuilder();
    try {
      told.append(command("status", experiment));
    } catch (PolyphonyException e) {
      told.append(e.getMessage());
    }
    for (WorkerProcess worker : workers) {
      told.append("\n--- ").append(worker.name()).append(worker.isAlive() ? "" : " (ended)");
      told.append('\n').append(worker.lastLines());
    }
    return told.toString();
  }

  WorkLog work() throws IOException {
    return WorkLog.read(
        workers.stream().collect(Collectors.toMap(WorkerProcess::name, WorkerProcess::record)));
  }

  /**
   * Gives a command of the program, at these servers.
   *
   * @return what it printed
   * @throws PolyphonyException where it failed
   */
  String command(String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        Polyphony.execute(
            new Console(
                new ByteArrayInputStream(new byte[0]),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                servers.environment(),
                false,
                100),
            Instruments.NONE,
            arguments);
    if (exitCode != 0) {
      String told = out.toString(StandardCharsets.UTF_8) + err.toString(StandardCharsets.UTF_8);
      throw PolyphonyException.infrastructure(
          "polyphony " + arguments[0] + " ended with " + exitCode + ": " + told.strip(), null);
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  private void endProcesses() {
    List<Exception> failures = new ArrayList<>();
    for (WorkerProcess worker : workers) {
      try {
        worker.end();
      } catch (IOException e) {
        failures.add(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    servers.close();
    homes.close();
    if (!failures.isEmpty()) {
      throw PolyphonyException.infrastructure("a proxy could not be closed", failures.get(0));
    }
  }

  @Override
  public void close() {
    Runtime.getRuntime().removeShutdownHook(atExit);
    temporal.shutdownNow();
    endProcesses();
  }
}
