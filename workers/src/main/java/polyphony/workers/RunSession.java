package polyphony.workers;

import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.converter.DataConverter;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import polyphony.activities.RunningStep;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.FinetuningIterationImpl;
import polyphony.workflows.MultiagentFinetuningImpl;
import polyphony.workflows.PolyphonyDataConverter;
import polyphony.workflows.Progress;

/** One run of one experiment in this process, from its start to its table. */
final class RunSession implements AutoCloseable {
  private static final Duration REDRAW = Duration.ofMillis(500);
  private static final Duration ASK_EVERY = Duration.ofSeconds(2);

  /** Long enough for a segment of answers or a training's commit. */
  private static final Duration DRAIN = Duration.ofSeconds(30);

  private final Console console;
  private final Settings settings;
  private final Parts parts;
  private final DataConverter converter;
  private final Stack stack;
  private final ProgressDisplay display;
  private final Thread interruption;
  private volatile boolean stopping;

  private RunSession(
      Console console,
      Settings settings,
      Parts parts,
      DataConverter converter,
      Stack stack,
      String resumeCommand) {
    this.console = console;
    this.settings = settings;
    this.parts = parts;
    this.converter = converter;
    this.stack = stack;
    this.display = new ProgressDisplay(console);
    this.interruption = new Thread(() -> interrupted(resumeCommand), "interruption");
  }

  /** Starts the Temporal service and the worker, and sees to a clean stop on Ctrl-C. */
  static RunSession start(Console console, Settings settings, Parts parts, String resumeCommand) {
    DataConverter converter = PolyphonyDataConverter.create();
    Stack stack =
        Stack.start(
            settings,
            converter,
            worker ->
                worker.registerWorkflowImplementationTypes(
                    PolyphonyDataConverter.implementationOptions(),
                    MultiagentFinetuningImpl.class,
                    FinetuningIterationImpl.class),
            parts.activities());
    RunSession session = new RunSession(console, settings, parts, converter, stack, resumeCommand);
    Runtime.getRuntime().addShutdownHook(session.interruption);
    return session;
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
    ExperimentRun run = ExperimentRun.startOrAttach(stack.client(), converter, name, asked);
    display.say((run.attached() ? "joined the running experiment " : "experiment ") + name);
    ExperimentResult result = await(run, new Forecast(complete), start);
    long end = System.nanoTime();
    display.close();
    console.err().println();
    RunSummary summary =
        RunSummary.of(
            result,
            settings.temporalAddress().isPresent() ? null : parts.busy().idleShare(start, end),
            ProcessMemory.peakBytes());
    table.print(ResultsTable.of(result.iterations()));
    table.flush();
    display.say(
        "done in "
            + ProgressLine.clock(Duration.ofNanos(end - start))
            + ": "
            + result.computedSteps()
            + " steps computed, "
            + result.reusedSteps()
            + " reused");
    return summary;
  }

  private ExperimentResult await(ExperimentRun run, Forecast forecast, long start)
      throws InterruptedException {
    CompletableFuture<ExperimentResult> result =
        run.workflow().getResultAsync(ExperimentResult.class);
    Speed speed = new Speed();
    Progress experiment = null;
    Progress iteration = null;
    int reported = 0;
    Duration asked = null;
    while (true) {
      try {
        return result.get(REDRAW.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
        if (asked == null || elapsed.minus(asked).compareTo(ASK_EVERY) >= 0) {
          asked = elapsed;
          experiment = progress(run.workflow(), experiment);
          if (experiment != null && experiment.phase().equals("iterate")) {
            iteration =
                progress(
                    stack
                        .client()
                        .newUntypedWorkflowStub(
                            ExperimentNames.iteration(run.name(), experiment.iteration())),
                    iteration);
          }
        }
        if (stopping || experiment == null) {
          continue;
        }
        for (; reported < experiment.reports().size(); reported++) {
          display.say(ResultsTable.line(experiment.reports().get(reported)));
        }
        double tokensPerSecond = speed.perSecond(elapsed, parts.tokens().getAsLong());
        if (iteration != null) {
          display.show(view(iteration, forecast, elapsed, tokensPerSecond));
        }
      } catch (ExecutionException e) {
        display.close();
        if (e.getCause() instanceof WorkflowException failure) {
          throw failure;
        }
        throw new IllegalStateException("waiting for the experiment failed", e.getCause());
      }
    }
  }

  private ProgressView view(
      Progress progress, Forecast forecast, Duration elapsed, double tokensPerSecond) {
    List<RunningStep> running = parts.running().get();
    double units = progress.unitsDone();
    for (RunningStep each : running) {
      units += each.total() == 0 ? 0 : each.done() / (double) each.total();
    }
    double phaseDone = progress.units() == 0 ? 0 : Math.min(1, units / progress.units());
    long answers = forecast.answers(progress.phase());
    return new ProgressView(
        progress.phase(),
        progress.iteration(),
        progress.iterations(),
        progress.unitsDone(),
        progress.units(),
        who(running),
        answers == 0 ? "" : Math.round(phaseDone * answers) + "/" + answers + " answers",
        tokensPerSecond,
        forecast.done(progress.iteration(), progress.phase(), phaseDone),
        elapsed,
        forecast.left(progress.iteration(), progress.phase(), phaseDone, elapsed));
  }

  /** Such as {@code agent 2, round 1}. */
  private static String who(List<RunningStep> running) {
    return running.stream()
        .limit(1)
        .flatMap(step -> Arrays.stream(step.detail().split(", ")))
        .filter(part -> part.startsWith("agent") || part.startsWith("round"))
        .collect(Collectors.joining(", "));
  }

  /** What the workflow says, or what it said last: a run does not depend on being watched. */
  private static Progress progress(WorkflowStub workflow, Progress last) {
    try {
      return workflow.query("progress", Progress.class);
    } catch (WorkflowException e) {
      return last;
    }
  }

  private void interrupted(String resumeCommand) {
    stopping = true;
    display.say("stopping: waiting for the work in progress to be committed…");
    stack.drain(DRAIN);
    display.say("stopped; nothing that is finished is lost. To go on: " + resumeCommand);
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(interruption);
    } catch (IllegalStateException e) {
      // The process is stopping already, and the hook with it does the rest.
      return;
    }
    stack.close();
  }
}
