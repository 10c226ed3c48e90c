package polyphony.workers;

import io.temporal.client.WorkflowExecutionDescription;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.RunningStep;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;

/** {@code polyphony watch}: the display of {@code run}, for an experiment that runs elsewhere. */
@Command(
    name = "watch",
    header = "Shows a running experiment's progress until it ends.",
    description = {
      "Then shows its results, as run does.",
      "",
      "Ctrl-C only ends the watching; the experiment goes on, and the same command shows it again."
    },
    footer = {
      "",
      "Examples:",
      "  polyphony watch mine",
      "  polyphony watch mine --json > result.json     # waits for the results"
    },
    mixinStandardHelpOptions = true)
final class WatchCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "Its name.")
  private String name;

  @Option(names = "--json", description = "Print the results as one JSON object.")
  private boolean json;

  WatchCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    TemporalSettings settings = Settings.of(console).requireTemporal("watching needs");
    try (TemporalAccess temporal = TemporalAccess.connect(settings, Person.identity())) {
      watch(temporal);
    }
    return 0;
  }

  private void watch(TemporalAccess temporal) throws InterruptedException {
    RemoteExperiment remote = new RemoteExperiment(temporal.client(), name);
    WorkflowExecutionDescription description =
        remote
            .description()
            .orElseThrow(
                () ->
                    PolyphonyException.config(
                        temporal
                            + " knows no experiment "
                            + name
                            + "; polyphony list shows those that there are"));
    ProgressDisplay display = new ProgressDisplay(console);
    Thread detached =
        new Thread(
            () ->
                display.say(
                    "not watching any more; experiment "
                        + name
                        + " goes on. To watch it again: "
                        + TypedCommand.of("watch", name)),
            "detached");
    Runtime.getRuntime().addShutdownHook(detached);
    try {
      display.say("watching experiment " + name + "; Ctrl-C ends the watching alone");
      long start = System.nanoTime();
      ExperimentFollower follower =
          new ExperimentFollower(temporal.client(), display, new Elsewhere(remote), () -> false);
      Instant end = Objects.requireNonNullElseGet(description.getCloseTime(), Instant::now);
      Duration before = Duration.between(description.getStartTime(), end);
      ExperimentResult result =
          follower.follow(new ExperimentRun(name, remote.workflow(), true), before, start);
      Duration watched = Duration.ofNanos(System.nanoTime() - start);
      follower.conclude(
          result,
          description.getCloseTime() == null ? before.plus(watched) : before,
          json ? console.err() : console.out());
      if (json) {
        console.out().println(RunSummary.of(result, null, null).json());
      }
    } finally {
      forget(detached);
    }
  }

  private static void forget(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is stopping already, and the hook says so.
    }
  }

  /** What the service tells of steps in other processes. */
  private static final class Elsewhere implements ExperimentFollower.Work {
    private static final Duration ASK_EVERY = Duration.ofSeconds(2);

    private final RemoteExperiment remote;
    private String iteration;
    private List<RunningStep> running = List.of();
    private long asked;

    Elsewhere(RemoteExperiment remote) {
      this.remote = remote;
    }

    @Override
    public long tokens() {
      return 0;
    }

    @Override
    public List<RunningStep> running(String current) {
      long now = System.nanoTime();
      if (!current.equals(iteration) || now - asked > ASK_EVERY.toNanos()) {
        iteration = current;
        asked = now;
        running =
            remote.pending(current).stream()
                .filter(PendingStep::isRunning)
                .map(PendingStep::progress)
                .filter(Objects::nonNull)
                .toList();
      }
      return running;
    }

    @Override
    public Optional<ExperimentSpec> spec(String current) {
      return remote.spec(current);
    }
  }
}
