package polyphony.workers;

import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowStub;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import polyphony.activities.RunningStep;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExperimentResult;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Progress;

/** Follows an experiment until it closes and shows meanwhile how far it is. */
final class ExperimentFollower {
  private static final Duration REDRAW = Duration.ofMillis(500);
  private static final Duration ASK_EVERY = Duration.ofSeconds(2);

  /** A worker that was restarted needs some time to answer again. */
  private static final Duration SILENCE = Duration.ofSeconds(30);

  private final WorkflowClient client;
  private final ProgressDisplay display;
  private final Work work;
  private final BooleanSupplier quiet;

  /** Share of the run that was done when last somebody worked on it. */
  private double lastDone;

  /** What is being done for an experiment. */
  interface Work {
    /** Tokens sampled, scored or trained on so far; 0 where nobody counts them. */
    long tokens();

    /** Steps under way, the longest first. */
    List<RunningStep> running(String iteration);

    /** The complete spec, as soon as it is known. */
    Optional<ExperimentSpec> spec(String iteration);
  }

  /**
   * @param quiet whether nothing is to be shown any more
   */
  ExperimentFollower(
      WorkflowClient client, ProgressDisplay display, Work work, BooleanSupplier quiet) {
    this.client = client;
    this.display = display;
    this.work = work;
    this.quiet = quiet;
  }

  /**
   * @param before how long it had been running when {@code start} was taken
   * @param start of {@link System#nanoTime}
   * @throws WorkflowException where the experiment failed
   */
  ExperimentResult follow(ExperimentRun run, Duration before, long start)
      throws InterruptedException {
    CompletableFuture<ExperimentResult> result =
        run.workflow().getResultAsync(ExperimentResult.class);
    Speed speed = new Speed();
    RemainingWork rest = null;
    Answers experiment = new Answers(run.workflow());
    Answers iteration = null;
    String current = null;
    String heldBy = null;
    boolean forecast = false;
    int reported = 0;
    Duration asked = null;
    while (true) {
      try {
        return result.get(REDRAW.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        Duration elapsed = before.plusNanos(System.nanoTime() - start);
        if (asked == null || elapsed.minus(asked).compareTo(ASK_EVERY) >= 0) {
          experiment.ask(elapsed);
          Progress progress = experiment.last;
          if (progress != null && !Phases.OUTSIDE_ITERATIONS.contains(progress.phase())) {
            String name = ExperimentNames.iteration(run.name(), progress.iteration());
            if (!name.equals(current)) {
              current = name;
              iteration = new Answers(client.newUntypedWorkflowStub(name));
            }
            iteration.ask(elapsed);
            rest = rest(rest, name, progress.iterations());
          }
          // Asking takes a while where nobody answers.
          asked = before.plusNanos(System.nanoTime() - start);
        }
        if (quiet.getAsBoolean() || experiment.last == null) {
          continue;
        }
        for (; reported < experiment.last.reports().size(); reported++) {
          display.say(ResultsTable.line(experiment.last.reports().get(reported)));
        }
        if (experiment.last.forecast() != null && !forecast) {
          forecast = true;
          display.say("forecast: " + experiment.last.forecast().text());
        }
        heldBy = tell(run.name(), experiment.last, heldBy);
        double tokensPerSecond = speed.perSecond(elapsed, work.tokens());
        if (iteration != null && iteration.last != null && rest != null) {
          display.show(view(iteration.last, current, rest, elapsed, tokensPerSecond));
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

  /** Says what holds an experiment up, when that changes. */
  private String tell(String name, Progress progress, String before) {
    List<String> lines =
        switch (progress.phase()) {
          case Progress.PAUSED -> List.of(Attention.paused(name));
          case Progress.NEEDS_ATTENTION -> Attention.lines(name, progress.parked());
          default -> List.of();
        };
    String heldBy = String.join("\n", lines);
    if (!heldBy.isEmpty() && !heldBy.equals(before)) {
      lines.forEach(display::warn);
    }
    return heldBy;
  }

  /** Shows what it came to. */
  void conclude(ExperimentResult result, Duration elapsed, PrintStream table) {
    display.say("");
    table.print(ResultsTable.of(result.iterations(), display.columns(table)));
    ExperimentSpec spec = result.experiment().spec();
    if (spec.evaluateOn() != null) {
      table.println(
          "finetuned on "
              + ExperimentDescription.task(spec.task())
              + ", evaluated on "
              + ExperimentDescription.task(spec.evaluateOn()));
    }
    table.flush();
    display.succeeded(
        "done in "
            + ProgressLine.clock(elapsed)
            + ": "
            + result.computedSteps()
            + " steps computed, "
            + result.reusedSteps()
            + " reused"
            + (result.forecast() == null ? "" : "; " + result.forecast().text()));
  }

  private RemainingWork rest(RemainingWork before, String iteration, int iterations) {
    return before != null && before.iterations() == iterations
        ? before
        : work.spec(iteration).map(spec -> new RemainingWork(spec, iterations)).orElse(before);
  }

  private ProgressView view(
      Progress progress,
      String iteration,
      RemainingWork rest,
      Duration elapsed,
      double tokensPerSecond) {
    List<RunningStep> running = work.running(iteration);
    double units = progress.unitsDone();
    for (RunningStep each : running) {
      units += each.total() == 0 ? 0 : each.done() / (double) each.total();
    }
    double phaseDone = progress.units() == 0 ? 0 : Math.min(1, units / progress.units());
    if (Phases.isHeld(progress.phase())) {
      return new ProgressView(
          progress.phase(),
          progress.iteration(),
          progress.iterations(),
          progress.unitsDone(),
          progress.units(),
          "",
          "",
          0,
          lastDone,
          elapsed,
          Optional.empty());
    }
    lastDone = rest.done(progress.iteration(), progress.phase(), phaseDone);
    long answers = rest.answers(progress.phase());
    return new ProgressView(
        progress.phase(),
        progress.iteration(),
        progress.iterations(),
        progress.unitsDone(),
        progress.units(),
        who(running),
        answers == 0 ? "" : Math.round(phaseDone * answers) + "/" + answers + " answers",
        tokensPerSecond,
        lastDone,
        elapsed,
        rest.left(progress.iteration(), progress.phase(), phaseDone, elapsed));
  }

  /** Such as {@code agent 2, round 1}. */
  private static String who(List<RunningStep> running) {
    return running.stream()
        .limit(1)
        .flatMap(step -> Arrays.stream(step.detail().split(", ")))
        .filter(part -> part.startsWith("agent") || part.startsWith("round"))
        .collect(Collectors.joining(", "));
  }

  /** What a workflow says, or what it said last: a run does not depend on being watched. */
  private final class Answers {
    private final WorkflowStub workflow;
    private Progress last;
    private Duration silentSince;
    private boolean told;

    Answers(WorkflowStub workflow) {
      this.workflow = workflow;
    }

    void ask(Duration now) {
      try {
        last = workflow.query("progress", Progress.class);
        silentSince = null;
        told = false;
      } catch (WorkflowException e) {
        silentSince = silentSince == null ? now : silentSince;
        if (!told && now.minus(silentSince).compareTo(SILENCE) >= 0) {
          told = true;
          display.say(RemoteExperiment.NO_WORKER);
        }
      }
    }
  }
}
