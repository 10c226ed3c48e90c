package polyphony.workflows;

import io.temporal.api.enums.v1.ParentClosePolicy;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.common.Priority;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.ChildWorkflowFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.ChildWorkflowCancellationType;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Resolves the spec, then runs one child workflow per iteration, each from the last one's end, as
 * its operator lets it.
 */
public final class MultiagentFinetuningImpl implements MultiagentFinetuning {
  /** How long an iteration of an earlier, interrupted run may take to commit and close. */
  private static final Duration CLOSING_LIMIT = Duration.ofMinutes(10);

  private static final Duration CLOSING_POLL = Duration.ofSeconds(5);

  /** Of a fairness key, in bytes; of a longer name, the end tells most. */
  private static final int LONGEST_FAIRNESS_KEY = 64;

  private final List<IterationReport> reports = new ArrayList<>();
  private final Ledger ledger = new Ledger();
  private String stage = "resolve";
  private Experiment experiment;
  private int iteration;
  private int iterations;
  private RunningIteration running;
  private boolean paused;
  private boolean restarting;
  private ApplicationFailure aborted;
  private Promise<Void> reporting = Workflow.newPromise((Void) null);
  private boolean reportDue;
  private KeptReport report;
  private Promise<Void> forecasting = Workflow.newPromise((Void) null);
  private Forecast forecast;
  private long forecastMillis;
  private Forecast.Outcome outcome;

  /** Whether an operator, or a step that failed, has held up the work since the forecast. */
  private boolean held;

  private int parkings;
  private String shownPhase = "";
  private int shownIteration = -1;

  @Override
  public ExperimentResult run(ExperimentSpec spec) {
    ExperimentResult result;
    try {
      result = finetune(spec == null ? ExperimentSpec.empty() : spec);
    } catch (TemporalFailure failure) {
      TemporalFailure surfaced = FailureTypes.surfaced(failure);
      String ending = Notices.ending(surfaced);
      Notices.send(notice(ending, ending, FailureTypes.line(surfaced)));
      exportOwn();
      throw surfaced;
    }
    Notices.send(notice(Notices.DONE, Notices.DONE, line(reports.get(reports.size() - 1))));
    exportOwn();
    return result;
  }

  /**
   * @param which tells it from others of this run
   */
  private Notice notice(String event, String which, String message) {
    IterationReport newest = reports.isEmpty() ? null : reports.get(reports.size() - 1);
    return new Notice(
        Notices.key(which),
        event,
        Workflow.getInfo().getWorkflowId(),
        phase(),
        experiment == null ? null : iteration,
        experiment == null ? null : iterations,
        newest == null ? null : newest.accuracy(),
        newest == null ? null : newest.standardError(),
        message);
  }

  private void exportOwn() {
    // Of one that was refused there is nothing in the store that this could be the history of.
    if (experiment != null) {
      export(experiment.name(), Workflow.getInfo().getRunId());
    }
  }

  /**
   * Keeps a history in the store, also where this experiment is being cancelled. What cannot be
   * kept is lost to the audit, and no reason to fail.
   */
  private static void export(String workflowId, String runId) {
    Workflow.newDetachedCancellationScope(
            () -> {
              try {
                StepOptions.dispensable("keep the history of " + workflowId)
                    .exportHistory(workflowId, runId);
              } catch (ActivityFailure failure) {
                Workflow.getLogger(MultiagentFinetuningImpl.class)
                    .warn(
                        "the history of {} ({}) is not kept: {}",
                        workflowId,
                        runId,
                        FailureTypes.line(FailureTypes.surfaced(failure)));
              }
            })
        .run();
  }

  @Override
  public Progress progress() {
    return new Progress(
        phase(),
        iteration,
        iterations,
        reports.size(),
        iterations + 1,
        reports,
        parked(),
        forecast);
  }

  private ExperimentResult finetune(ExperimentSpec asked) {
    String name = Workflow.getInfo().getWorkflowId();
    checkName(name, asked.experiment());
    changed();
    experiment = StepOptions.retried("complete and record the spec").resolve(name, asked);
    iterations = experiment.spec().iterations();
    ExperimentSearchAttributes.upsert(experiment);

    forecast();
    Society untuned = Society.copies(experiment.base(), experiment.spec().agents());
    Society society = untuned;
    int next = 0;
    stage = "iterate";
    while (true) {
      hold();
      if (restarting) {
        restarting = false;
        reports.clear();
        society = untuned;
        next = 0;
        forecastAgain();
      } else if (next <= iterations) {
        iteration = next;
        changed();
        Optional<FinetuningIteration.Result> result = iterate(society);
        if (result.isPresent()) {
          society = result.get().society();
          reports.add(result.get().report());
          ledger.add(result.get());
          ExperimentSearchAttributes.upsert(result.get().report());
          keepReport();
          next++;
          if (forecast == null && next <= iterations) {
            // What was not measured before may have been now.
            forecast();
          }
        }
      } else if (!through()) {
        // A recompute may begin all again, and more iterations may still be asked for.
        int last = next;
        Workflow.await(() -> through() || interrupted() || last <= iterations);
      } else if (reportDue) {
        keepReport();
      } else {
        break;
      }
    }
    stage = "done";
    if (forecast != null && !held) {
      outcome =
          new Forecast.Outcome(forecast, (Workflow.currentTimeMillis() - forecastMillis) / 1000.0);
    }
    changed();
    return new ExperimentResult(
        experiment.withIterations(iterations),
        List.copyOf(reports),
        ledger.phases(),
        ledger.computedSteps(),
        ledger.reusedSteps(),
        outcome);
  }

  /** Whether it is run for a comparison, which is what people look at then. */
  private static boolean isPart() {
    return Workflow.getInfo().getParentWorkflowId().isPresent();
  }

  /** Whether nothing is under way that the end must wait for. */
  private boolean through() {
    return Workflow.isEveryHandlerFinished() && reporting.isCompleted();
  }

  /** Has a report of what is finished kept; one at a time, so that the last one is the newest. */
  private void keepReport() {
    reportDue = !reporting.isCompleted();
    if (!reportDue && !isPart()) {
      reporting =
          Reporting.keep(
              experiment.name(),
              kept -> {
                report = kept;
                changed();
              });
    }
  }

  /**
   * Forecasts what is left while the work goes on, unless that was done before or is under way. An
   * experiment does without where it cannot be.
   */
  private void forecast() {
    if (forecast != null
        || !forecasting.isCompleted()
        || isPart()
        || Workflow.getVersion("forecast", Workflow.DEFAULT_VERSION, 1)
            == Workflow.DEFAULT_VERSION) {
      return;
    }
    long now = Workflow.currentTimeMillis();
    int last = iterations;
    held = false;
    forecasting =
        Async.function(
                StepOptions.extra("forecast time and room")::forecast,
                experiment.name(),
                experiment.spec().withIterations(last))
            .handle(
                (made, failure) -> {
                  if (failure instanceof TemporalFailure reason) {
                    Workflow.getLogger(MultiagentFinetuningImpl.class)
                        .warn("no forecast: {}", FailureTypes.line(FailureTypes.surfaced(reason)));
                  } else if (made != null && last == iterations && !restarting) {
                    forecast = made;
                    forecastMillis = now;
                    changed();
                  }
                  return null;
                });
  }

  /** What was forecast is not what there is to do any more. */
  private void forecastAgain() {
    forecast = null;
    forecast();
  }

  private static void checkName(String name, String asked) {
    if (!ExperimentNames.isValid(name)) {
      throw FailureTypes.config(
          "the workflow id \""
              + name
              + "\" is the experiment's name, allowed: "
              + ExperimentNames.ALLOWED);
    }
    if (asked != null && !asked.equals(name)) {
      throw FailureTypes.config(
          "experiment is \""
              + asked
              + "\", but the workflow id, which is its name, is \""
              + name
              + "\": make them equal or leave experiment out");
    }
  }

  /** Waits while an operator wants it; ends the workflow where it was aborted or cancelled. */
  private void hold() {
    Workflow.await(() -> !paused || interrupted());
    if (CancellationScope.current().isCancelRequested()) {
      CancellationScope.throwCanceled();
    }
    if (aborted != null) {
      throw aborted;
    }
  }

  private boolean interrupted() {
    return restarting || aborted != null || CancellationScope.current().isCancelRequested();
  }

  /**
   * Runs the current iteration. One of an earlier run of this experiment may still be committing
   * its work after that run was stopped; it is given time to close.
   *
   * @return empty where it was cancelled so that all can begin again
   */
  private Optional<FinetuningIteration.Result> iterate(Society society) {
    long polls = CLOSING_LIMIT.toSeconds() / CLOSING_POLL.toSeconds();
    for (long poll = 0; ; poll++) {
      hold();
      if (restarting) {
        return Optional.empty();
      }
      // Perhaps extended meanwhile.
      Experiment extended = experiment.withIterations(iterations);
      FinetuningIteration.Request request =
          new FinetuningIteration.Request(extended, iteration, society, unattended());
      running = new RunningIteration(request, options(extended, iteration), this::iterationStarted);
      try {
        FinetuningIteration.Result result = running.await();
        iterationClosed();
        return Optional.of(result);
      } catch (ChildWorkflowFailure failure) {
        iterationClosed();
        if (FailureTypes.isCancellation(failure) && (restarting || aborted != null)) {
          continue;
        }
        if (!(failure.getCause() instanceof WorkflowExecutionAlreadyStarted)) {
          throw failure;
        }
        if (poll == polls) {
          throw FailureTypes.config(
              ExperimentNames.iteration(experiment.name(), iteration)
                  + " of an earlier run is still running: cancel or terminate it, then start the"
                  + " experiment again");
        }
        Workflow.sleep(CLOSING_POLL);
      }
    }
  }

  private void iterationClosed() {
    Optional<String> run = running.runId();
    running = null;
    changed();
    run.ifPresent(id -> export(ExperimentNames.iteration(experiment.name(), iteration), id));
  }

  private static boolean unattended() {
    return Boolean.TRUE.equals(Workflow.getMemo(UNATTENDED, Boolean.class));
  }

  private static ChildWorkflowOptions options(Experiment experiment, int number) {
    String name = experiment.name();
    return ChildWorkflowOptions.newBuilder()
        .setWorkflowId(ExperimentNames.iteration(name, number))
        .setWorkflowIdReusePolicy(WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
        .setParentClosePolicy(ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL)
        .setCancellationType(ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED)
        // Its steps inherit this: experiments share the devices evenly.
        .setPriority(
            Priority.newBuilder()
                .setFairnessKey(name.substring(Math.max(0, name.length() - LONGEST_FAIRNESS_KEY)))
                .build())
        .setTypedSearchAttributes(ExperimentSearchAttributes.of(experiment, number))
        .setStaticSummary(
            "iteration "
                + number
                + " of "
                + experiment.spec().iterations()
                + (number == 0 ? " · the untuned society" : ""))
        .setStaticDetails(ExperimentDescription.details(experiment.spec()))
        .build();
  }

  /** An operator may have been faster. */
  private void iterationStarted() {
    if (paused) {
      running.tell(OperatorActions.PAUSE, null);
    }
  }

  @Override
  public void iterationState(IterationState state) {
    if (running != null) {
      List<ParkedStep> before = running.parked();
      running.hear(state);
      paused = running.paused(paused);
      changed();
      for (ParkedStep step : running.parked()) {
        if (!before.contains(step)) {
          parkings++;
          Notices.sendMeanwhile(
              notice(
                  Notices.NEEDS_ATTENTION,
                  Notices.NEEDS_ATTENTION + "-" + parkings,
                  step.step() + ": " + step.message()));
        }
      }
    }
  }

  @Override
  public void validatePause() {
    allowed().check(OperatorActions.PAUSE);
  }

  @Override
  public String pause() {
    paused = true;
    tell(OperatorActions.PAUSE, null);
    return "pausing: running steps commit and stop, nothing is started until resume";
  }

  @Override
  public void validateResume() {
    allowed().check(OperatorActions.RESUME);
  }

  @Override
  public String resume() {
    paused = false;
    tell(OperatorActions.RESUME, null);
    return "going on with iteration " + iteration + " of " + iterations;
  }

  @Override
  public void validateStopAfterIteration() {
    allowed().check(OperatorActions.STOP_AFTER_ITERATION);
  }

  @Override
  public String stopAfterIteration() {
    iterations = iteration;
    forecastAgain();
    changed();
    return "iteration " + iteration + " is the last one now";
  }

  @Override
  public void validateExtend(Integer more) {
    AllowedActions allowed = allowed();
    allowed.check(OperatorActions.EXTEND);
    int most = SpecDefaults.MAX_ITERATIONS - iterations;
    if (more == null || more < 1 || more > most) {
      throw allowed.refusal(
          OperatorActions.EXTEND, "its argument is " + more + ", allowed: 1 to " + most);
    }
  }

  @Override
  public String extend(Integer more) {
    requireQuestions(more);
    iterations += more;
    forecastAgain();
    changed();
    return "iteration " + iterations + " is the last one now";
  }

  /** Where every iteration has questions of its own, there may be too few for more of them. */
  private void requireQuestions(int more) {
    if (!experiment.spec().questions().equals(SpecDefaults.FRESH)) {
      return;
    }
    int last;
    do {
      last = iterations + more;
      try {
        StepOptions.retried("look for questions for " + last + " iterations")
            .resolve(experiment.name(), experiment.spec().withIterations(last));
      } catch (ActivityFailure failure) {
        throw FailureTypes.surfaced(failure);
      }
      // Perhaps extended meanwhile.
    } while (iterations + more > last);
  }

  @Override
  public void validateRetry(String step) {
    allowed().check(OperatorActions.RETRY, step, parked());
  }

  @Override
  public String retry(String step) {
    tell(OperatorActions.RETRY, step);
    return paused ? "tried again after resume" : "trying again";
  }

  @Override
  public void validateSkip(String step) {
    allowed().check(OperatorActions.SKIP, step, parked());
  }

  @Override
  public String skip(String step) {
    List<String> skipped =
        parked().stream()
            .filter(each -> AllowedActions.isMeant(each, step))
            .map(ParkedStep::skip)
            .distinct()
            .toList();
    tell(OperatorActions.SKIP, step);
    return String.join("; ", skipped);
  }

  @Override
  public void validateRecompute(String key) {
    AllowedActions allowed = allowed();
    allowed.check(OperatorActions.RECOMPUTE);
    if (key == null || !key.matches("[0-9a-f]{64}")) {
      throw allowed.refusal(
          OperatorActions.RECOMPUTE,
          "its argument is "
              + key
              + ", allowed: a step's key, the 64 hexadecimal digits in steps/<key>.json");
    }
  }

  @Override
  public String recompute(String key) {
    String step;
    try {
      step = StepOptions.retried("set step " + key.substring(0, 8) + " aside").setAside(key);
    } catch (ActivityFailure failure) {
      throw FailureTypes.surfaced(failure);
    }
    restarting = true;
    if (running != null) {
      running.cancel("recompute of " + step);
    }
    return step + " is set aside: what is missing is computed now, from iteration 0 on";
  }

  @Override
  public void validateAbort(String reason) {
    allowed().check(OperatorActions.ABORT);
  }

  @Override
  public String abort(String reason) {
    aborted = FailureTypes.aborted(reason);
    if (running != null) {
      running.cancel(aborted.getOriginalMessage());
    }
    return "aborting: running steps commit and stop; starting the experiment again resumes it";
  }

  private void tell(String action, String step) {
    if (running != null) {
      running.tell(action, step);
    }
    changed();
  }

  private AllowedActions allowed() {
    boolean resolved = experiment != null;
    boolean done = stage.equals("done");
    boolean lives = resolved && aborted == null && !done;
    String not =
        done
            ? "the experiment is done"
            : resolved ? "the experiment is being aborted" : "the spec is still being resolved";
    boolean attention = lives && !parked().isEmpty();
    boolean trains =
        resolved && Method.named(experiment.spec().method()).trains() != Method.Trains.NOTHING;
    return new AllowedActions()
        .allow(
            OperatorActions.PAUSE,
            lives && !paused,
            lives ? "the experiment is paused already" : not)
        .allow(
            OperatorActions.RESUME, lives && paused, lives ? "the experiment is not paused" : not)
        .allow(
            OperatorActions.STOP_AFTER_ITERATION,
            lives && iteration < iterations,
            lives ? "iteration " + iteration + " is the last one anyway" : not)
        .allow(
            OperatorActions.EXTEND,
            lives && trains && iterations < SpecDefaults.MAX_ITERATIONS,
            !lives
                ? not
                : trains
                    ? "there are " + iterations + " iterations, which is the most"
                    : experiment.spec().method()
                        + " trains nothing, so that there is nothing to repeat")
        .allow(OperatorActions.RETRY, attention, lives ? "nothing needs attention" : not)
        .allow(OperatorActions.SKIP, attention, lives ? "nothing needs attention" : not)
        .allow(
            OperatorActions.RECOMPUTE, lives && !paused, lives ? "the experiment is paused" : not)
        .allow(
            OperatorActions.ABORT,
            aborted == null && !done,
            done ? not : "the experiment is being aborted");
  }

  private String phase() {
    String working = running == null ? stage : running.phase(stage);
    return Progress.phase(working, paused, parked());
  }

  private List<ParkedStep> parked() {
    return running == null ? List.of() : running.parked();
  }

  /** What the Web UI shows of an experiment, and what it can be found by. */
  private void changed() {
    held = held || paused || !parked().isEmpty();
    Workflow.setCurrentDetails(details());
    if (experiment == null) {
      return;
    }
    if (!shownPhase.equals(phase())) {
      shownPhase = phase();
      Workflow.upsertTypedSearchAttributes(ExperimentSearchAttributes.PHASE.valueSet(shownPhase));
    }
    if (shownIteration != iteration) {
      shownIteration = iteration;
      Workflow.upsertTypedSearchAttributes(
          ExperimentSearchAttributes.ITERATION.valueSet((long) iteration));
    }
  }

  private String details() {
    StringBuilder first = new StringBuilder("phase: ").append(phase());
    if (stage.equals("iterate")) {
      first.append(", iteration ").append(iteration).append(" of ").append(iterations);
      first
          .append(" (workflow ")
          .append(ExperimentNames.iteration(experiment.name(), iteration))
          .append(')');
    }
    CurrentDetails details =
        new CurrentDetails().bullet(first.toString()).attention(paused, parked());
    if (experiment != null) {
      // One that was started in the UI has no other summary.
      details.bullet(ExperimentDescription.summary(experiment.spec()));
    }
    if (report != null) {
      details.bullet(report.text(experiment.name()));
    }
    if (outcome != null) {
      details.bullet(outcome.text());
    } else if (forecast != null) {
      details.bullet("forecast: " + forecast.text() + end());
    }
    return details.newest(reports.stream().map(MultiagentFinetuningImpl::line).toList()).toString();
  }

  /** When the forecast says that it ends. */
  private String end() {
    return " · until "
        + Instant.ofEpochMilli(forecastMillis + Math.round(forecast.seconds() * 1000))
            .truncatedTo(ChronoUnit.MINUTES);
  }

  private static String line(IterationReport report) {
    return String.format(
        Locale.ROOT,
        "iteration %d: accuracy %.3f ± %.3f, consensus %.3f",
        report.iteration(),
        report.accuracy(),
        report.standardError(),
        report.consensus());
  }
}
