package polyphony.workers;

import io.temporal.client.WorkflowException;
import io.temporal.common.Priority;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import polyphony.activities.RunningStep;
import polyphony.activities.lm.NativeWork;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.ComparisonSpec;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;

/** One run of one experiment, or of one comparison, in this process. */
final class RunSession implements AutoCloseable {
  /** Long enough for a segment of answers or a training's commit. */
  private static final Duration DRAIN = Duration.ofSeconds(30);

  private final Settings settings;
  private final Parts parts;
  private final Stack stack;
  private final ProgressDisplay display;
  private final StopRequest stop;
  private final String resumeCommand;

  /** How to follow what was started here; null before that. */
  private volatile Followed followed;

  /**
   * What goes on at a service without this process.
   *
   * @param what such as {@code experiment mine}
   * @param how to follow and to steer it, a line each
   */
  record Followed(String what, List<String> how) {
    static Followed experiment(String name) {
      return new Followed(
          "experiment " + name,
          List.of(
              "to watch it:   " + TypedCommand.of("watch", name),
              "to hold it:    " + TypedCommand.of("pause", name),
              "to end it:     "
                  + TypedCommand.of("stop-after-iteration", name)
                  + ", or at once: "
                  + TypedCommand.of("abort", name)));
    }

    /**
     * @param resumeCommand joins the comparison where it is running
     */
    static Followed comparison(String name, String resumeCommand) {
      return new Followed(
          "comparison " + name, List.of("to watch it, the same again:", "  " + resumeCommand));
    }

    /**
     * What is said when this process has stopped working on it.
     *
     * @param service where it goes on
     * @param alone whether nobody else was working there
     */
    List<String> lines(String service, boolean alone) {
      List<String> lines = new ArrayList<>();
      lines.add(
          "stopped here; nothing that is finished is lost. "
              + what
              + " goes on at "
              + service
              + (alone ? " as soon as a worker is there: polyphony worker" : ""));
      lines.addAll(how);
      return lines;
    }
  }

  private RunSession(
      Console console, Settings settings, Parts parts, Stack stack, String resumeCommand) {
    this.settings = settings;
    this.parts = parts;
    this.stack = stack;
    this.display = new ProgressDisplay(console);
    this.resumeCommand = resumeCommand;
    this.stop = StopRequest.onSignals(this::interrupted);
  }

  /** Starts the Temporal service and the worker, and sees to a clean stop on Ctrl-C. */
  static RunSession start(Console console, Settings settings, Parts parts, String resumeCommand)
      throws InterruptedException {
    TemporalAccess temporal = TemporalAccess.open(settings, parts.identity());
    Stack stack =
        Stack.start(temporal, Set.copyOf(Stack.QUEUES), parts.slots(), parts.activities());
    return new RunSession(console, settings, parts, stack, resumeCommand);
  }

  /**
   * Runs the experiment to its end.
   *
   * @param asked as written
   * @param complete the same, filled in, for the forecast
   * @param table where the results are printed for people
   * @throws WorkflowException where it failed
   */
  RunSummary run(String name, ExperimentSpec asked, ExperimentSpec complete, PrintStream table)
      throws InterruptedException {
    long start = System.nanoTime();
    ExperimentRun run =
        ExperimentRun.startOrAttach(
            stack.client(),
            name,
            asked,
            complete,
            settings.temporal().isPresent(),
            Priority.getDefaultInstance());
    followed = Followed.experiment(name);
    display.say((run.attached() ? "joined the running experiment " : "experiment ") + name);
    ExperimentFollower follower =
        new ExperimentFollower(stack.client(), display, work(complete), stop::asked);
    ExperimentResult result = follower.follow(run, Duration.ZERO, start);
    long end = System.nanoTime();
    RunSummary summary =
        RunSummary.of(
            result, alone() ? parts.busy().idleShare(start, end) : null, ProcessMemory.peakBytes());
    follower.conclude(result, Duration.ofNanos(end - start), table);
    return summary;
  }

  /**
   * Runs a comparison to its end.
   *
   * @throws WorkflowException where it failed
   */
  ComparisonResult compare(String name, ComparisonSpec asked) throws InterruptedException {
    ComparisonRun run =
        ComparisonRun.startOrAttach(stack.client(), name, asked, settings.temporal().isPresent());
    followed = Followed.comparison(name, resumeCommand);
    display.say((run.attached() ? "joined the running comparison " : "comparison ") + name);
    return run.follow(display, parts.tokens(), stop::asked);
  }

  /** Whether all of the work was done in this process. */
  private boolean alone() {
    return settings.temporal().isEmpty() || stack.isAlone();
  }

  private ExperimentFollower.Work work(ExperimentSpec complete) {
    return new ExperimentFollower.Work() {
      @Override
      public long tokens() {
        return parts.tokens().getAsLong();
      }

      @Override
      public List<RunningStep> running(String iteration) {
        return parts.running().get();
      }

      @Override
      public Optional<ExperimentSpec> spec(String iteration) {
        return Optional.of(complete);
      }
    };
  }

  /** Hands over what is running and ends the process. */
  private void interrupted(int status) {
    display.say(
        "stopping: waiting for the work in progress to be committed; a second signal ends this at once…");
    Followed goesOn = settings.temporal().isPresent() ? followed : null;
    boolean alone = goesOn != null && stack.isAlone();
    stack.drain(DRAIN);
    if (goesOn == null) {
      display.say("stopped; nothing that is finished is lost. To go on:");
      display.say("  " + resumeCommand);
    } else {
      goesOn.lines(settings.temporal().orElseThrow().toString(), alone).forEach(display::say);
    }
    NativeWork.exit(status);
  }

  @Override
  public void close() {
    while (stop.asked()) {
      // The process is about to end, and what is running must find everything as it was.
      LockSupport.park();
    }
    stop.close();
    stack.close();
  }
}
