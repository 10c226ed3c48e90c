package polyphony.workers;

import io.temporal.client.WorkflowException;
import io.temporal.common.Priority;
import java.io.PrintStream;
import java.time.Duration;
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

  private RunSession(
      Console console, Settings settings, Parts parts, Stack stack, String resumeCommand) {
    this.settings = settings;
    this.parts = parts;
    this.stack = stack;
    this.display = new ProgressDisplay(console);
    this.stop = StopRequest.onSignals(status -> interrupted(resumeCommand, status));
  }

  /** Starts the Temporal service and the worker, and sees to a clean stop on Ctrl-C. */
  static RunSession start(Console console, Settings settings, Parts parts, String resumeCommand)
      throws InterruptedException {
    TemporalAccess temporal = TemporalAccess.open(settings, parts.identity());
    Stack stack =
        Stack.start(temporal, Set.copyOf(Stack.QUEUES), settings.slots(), parts.activities());
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
  private void interrupted(String resumeCommand, int status) {
    display.say(
        "stopping: waiting for the work in progress to be committed; a second signal ends this at once…");
    stack.drain(DRAIN);
    display.say("stopped; nothing that is finished is lost. To go on: " + resumeCommand);
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
