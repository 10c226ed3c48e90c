package polyphony.activities;

import io.temporal.activity.Activity;
import io.temporal.client.WorkflowClient;
import java.util.List;
import java.util.concurrent.Semaphore;
import polyphony.activities.audit.Healing;
import polyphony.activities.audit.HistoryArchive;
import polyphony.activities.compare.CompareStep;
import polyphony.activities.evaluate.RecordStep;
import polyphony.activities.notify.Notifier;
import polyphony.activities.plan.Forecasting;
import polyphony.activities.report.Reporter;
import polyphony.activities.resolve.FreshQuestionsStep;
import polyphony.activities.resolve.ResolveStep;
import polyphony.activities.split.SplitStep;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.Step;
import polyphony.workflows.Activities;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.ExportedHistory;
import polyphony.workflows.Forecast;
import polyphony.workflows.FreshQuestions;
import polyphony.workflows.IterationReport;
import polyphony.workflows.KeptReport;
import polyphony.workflows.Notice;
import polyphony.workflows.Recording;
import polyphony.workflows.Split;
import polyphony.workflows.Vote;

/** The steps without a model, as activities. */
public final class LightActivities implements Activities.Light {
  private final StepRunner runner;
  private final Healing healing;
  private final HistoryArchive histories;
  private final ResolveStep resolve;
  private final FreshQuestionsStep freshQuestions;
  private final VoteStep vote;
  private final SplitStep split;
  private final RecordStep record;
  private final CompareStep compare;
  private final Reporter reporter;
  private final Forecasting forecasting;
  private final Notifier notifier;

  /** One at a time: an attempt whose time is over goes on for a while beside the next one. */
  private final Semaphore forecasts = new Semaphore(1);

  public LightActivities(
      StepRunner runner,
      Healing healing,
      HistoryArchive histories,
      ResolveStep resolve,
      FreshQuestionsStep freshQuestions,
      VoteStep vote,
      SplitStep split,
      RecordStep record,
      CompareStep compare,
      Reporter reporter,
      Forecasting forecasting,
      Notifier notifier) {
    this.runner = runner;
    this.healing = healing;
    this.histories = histories;
    this.resolve = resolve;
    this.freshQuestions = freshQuestions;
    this.vote = vote;
    this.split = split;
    this.record = record;
    this.compare = compare;
    this.reporter = reporter;
    this.forecasting = forecasting;
    this.notifier = notifier;
  }

  @Override
  public Experiment resolve(String name, ExperimentSpec spec) {
    // Not memoised as the others are: what it comes to is recorded under the experiment's name.
    return runner.alive("resolve", name, () -> resolve.run(name, spec));
  }

  @Override
  public Forecast forecast(String name, ExperimentSpec spec) {
    if (!forecasts.tryAcquire()) {
      return null;
    }
    try {
      return runner.alive("forecast", name, stop -> forecasting.forecast(name, spec, stop));
    } finally {
      forecasts.release();
    }
  }

  @Override
  public FreshQuestions.Result freshQuestions(FreshQuestions.Request request) {
    StepRunner.Ended<FreshQuestions.Result> ended =
        runner.light(
            new Step(FreshQuestionsStep.NAME, FreshQuestionsStep.VERSION, request),
            "iteration " + request.iteration(),
            FreshQuestions.Result.class,
            attempt -> freshQuestions.run(request, attempt));
    return ended.finished().withStep(ended.report());
  }

  @Override
  public Vote.Result vote(Vote.Request request) {
    StepRunner.Ended<Vote.Result> ended =
        runner.light(
            new Step(VoteStep.NAME, VoteStep.VERSION, request),
            "iteration " + request.iteration(),
            Vote.Result.class,
            attempt -> vote.run(request, attempt));
    return ended.finished().withStep(ended.report());
  }

  @Override
  public Split.Result split(Split.Request request) {
    StepRunner.Ended<Split.Result> ended =
        runner.light(
            new Step(SplitStep.NAME, SplitStep.VERSION, request),
            "iteration " + request.iteration(),
            Split.Result.class,
            attempt -> split.run(request, attempt));
    return ended.finished().withStep(ended.report());
  }

  @Override
  public IterationReport record(Recording.Request timed) {
    Recording.Request request = RecordStep.withoutTimings(timed);
    IterationReport report =
        runner
            .light(
                new Step(RecordStep.NAME, RecordStep.VERSION, request),
                "iteration " + request.iteration(),
                IterationReport.class,
                attempt -> record.run(request, attempt))
            .finished();
    try {
      record.publish(request.experiment().name(), report);
    } catch (Throwable e) {
      throw StepFailures.of(RecordStep.NAME, e);
    }
    return report;
  }

  @Override
  public List<String> nameExperiments(List<ExperimentSpec> specs) {
    return runner.alive(
        "name-experiments",
        specs.size() + " experiments",
        () -> specs.stream().map(resolve::name).toList());
  }

  @Override
  public List<ComparisonResult.Row> compare(
      String comparison, List<ComparisonResult.Compared> experiments) {
    return runner.alive("compare", comparison, () -> compare.run(comparison, experiments));
  }

  @Override
  public KeptReport report(String name) {
    return runner.alive("report", name, () -> reporter.keep(name));
  }

  @Override
  public String setAside(String key) {
    return runner.alive("set-aside", key, () -> healing.setAside(key));
  }

  @Override
  public ExportedHistory exportHistory(String workflowId, String runId) {
    WorkflowClient client = Activity.getExecutionContext().getWorkflowClient();
    return runner.alive(
        "export-history",
        workflowId,
        () -> histories.keep(workflowId, runId, client.fetchHistory(workflowId, runId)));
  }

  @Override
  public void announce(Notice notice) {
    if (notifier.listens() && !ExperimentNames.isPilot(notice.experiment())) {
      runner.alive(
          "notify",
          notice.event(),
          () -> {
            notifier.send(notice);
            return notice;
          });
    }
  }
}
