package polyphony.workers;

import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;

/** {@code polyphony worker}: does the work of experiments until it is told to stop. */
@Command(
    name = "worker",
    header = "Does the work of experiments, until it is stopped.",
    description = {
      "A Temporal service hands the work out. Start one worker, or several, on every machine that"
          + " is to work.",
      "",
      "Temporal and the store may come up later, go away and come back: the worker waits for them."
          + " On SIGTERM or Ctrl-C it takes no more work, has what is running committed and hands"
          + " it over; a second signal ends it at once."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony worker",
      "  polyphony worker --slots 2 --isolation process",
      "  polyphony worker --device cuda:1              # one worker for each GPU",
      "  polyphony worker --queues orchestration       # light work only",
      "",
      "Environment: TEMPORAL_ADDRESS (needed), TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…;"
          + " POLYPHONY_S3_ENDPOINT, _BUCKET, _ACCESS_KEY and _SECRET_KEY (else --store);"
          + " POLYPHONY_SLOTS; POLYPHONY_ISOLATION; POLYPHONY_DEVICE.",
      "",
      "Exit codes: 0 stopped as asked; 2 a setting must change; 1 any other failure."
    })
final class WorkerCommand implements Callable<Integer> {
  /** An object that nobody writes: looking for it tells whether the store answers. */
  private static final String NOTHING = "probe/nothing";

  private final Console console;
  private final RunCommand.Assembler assembler;

  @Option(
      names = "--queues",
      paramLabel = "QUEUE",
      split = ",",
      completionCandidates = Choices.Queues.class,
      description = "Queues to serve: ${COMPLETION-CANDIDATES} (default: all of them).")
  private List<String> queues = Stack.QUEUES;

  @Option(
      names = "--slots",
      paramLabel = "COUNT",
      description =
          "Samplings, scorings and trainings at the same time (default: the setting slots, or one per"
              + " processor, one on a GPU).")
  private Integer slots;

  @Mixin private DeviceOption device;

  @Option(
      names = Isolation.OPTION,
      paramLabel = "WHERE",
      completionCandidates = Choices.Isolations.class,
      description = Isolation.DESCRIPTION)
  private String isolation;

  @Option(
      names = "--grace",
      paramLabel = "SECONDS",
      defaultValue = "50",
      description =
          "How long steps may take to commit when the worker is stopped (default: ${DEFAULT-VALUE}).")
  private int grace;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  WorkerCommand(Console console, RunCommand.Assembler assembler) {
    this.console = console;
    this.assembler = assembler;
  }

  @Override
  public Integer call() throws InterruptedException {
    Settings settings = settings();
    Set<String> served = checkedQueues();
    if (grace < 0) {
      throw PolyphonyException.config("--grace is " + grace + "; it must be 0 seconds or more");
    }
    TemporalSettings temporal = settings.requireTemporal("a worker needs");
    try (StopRequest stop = StopRequest.onSignals()) {
      Patience patience = Patience.endless(reason -> say("waiting: " + reason), stop::pause);
      Optional<Parts> parts = patience.until(() -> assembler.assemble(settings, store));
      if (parts.isPresent()) {
        try (Parts assembled = parts.get()) {
          serve(temporal, served, assembled, patience, stop);
        }
      }
    }
    return 0;
  }

  private Settings settings() {
    Settings settings = device.over(Settings.of(console)).withIsolation(isolation);
    return slots == null ? settings : settings.withSlots(slots);
  }

  private Set<String> checkedQueues() {
    for (String queue : queues) {
      if (!Stack.QUEUES.contains(queue)) {
        throw PolyphonyException.config(
            "--queues names \"" + queue + "\"; queues are " + String.join(", ", Stack.QUEUES));
      }
    }
    return new LinkedHashSet<>(queues);
  }

  private void serve(
      TemporalSettings temporal,
      Set<String> served,
      Parts parts,
      Patience patience,
      StopRequest stop)
      throws InterruptedException {
    Optional<Stack> started =
        patience.until(
            () ->
                Stack.start(
                    TemporalAccess.connectAtOnce(temporal, parts.identity()),
                    served,
                    parts.slots(),
                    parts.activities()));
    if (started.isEmpty()) {
      return;
    }
    try (Stack stack = started.get();
        ServiceMonitor monitor = monitor(temporal, parts.store(), stack)) {
      say(greeting(temporal, served, parts));
      monitor.start();
      stop.await();
      say(
          "stopping: "
              + steps(parts.running().get().size())
              + " in progress, given "
              + grace
              + " s to commit; a second signal ends this at once");
      boolean drained = stack.drain(Duration.ofSeconds(grace));
      say(
          drained
              ? "stopped; nothing that is finished is lost"
              : "stopped with "
                  + steps(parts.running().get().size())
                  + " still in progress, which go on from their last commit elsewhere");
    }
  }

  private ServiceMonitor monitor(TemporalSettings temporal, ObjectStore objects, Stack stack) {
    return new ServiceMonitor(
        List.of(
            new ServiceMonitor.Service(
                temporal.toString(),
                stack::probe,
                "what is running goes on and is reported when it is back",
                () -> {},
                () -> {}),
            new ServiceMonitor.Service(
                objects.toString(),
                () -> objects.size(NOTHING),
                "no new work is taken until it is back",
                stack::suspend,
                stack::resume)),
        this::say,
        System::nanoTime);
  }

  /** Such as {@code worker cpu@node7:4711 · Temporal at … }. */
  private static String greeting(TemporalSettings temporal, Set<String> served, Parts parts) {
    Map<String, String> versions = parts.worker().software();
    return String.join(
        " · ",
        "worker " + parts.identity(),
        temporal + ", namespace " + temporal.namespace(),
        "queues " + String.join(", ", served),
        parts.slots() == 1 ? "1 slot" : parts.slots() + " slots",
        "store: " + parts.store(),
        Version.ofProgram()
            + versions.entrySet().stream()
                .map(each -> ", " + each.getKey() + " " + each.getValue())
                .collect(Collectors.joining()));
  }

  private static String steps(int count) {
    return count == 1 ? "1 step" : count + " steps";
  }

  private void say(String line) {
    console.err().println(line);
  }
}
