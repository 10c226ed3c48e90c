package polyphony.activities;

import java.util.Locale;
import polyphony.activities.debate.DebateStep;
import polyphony.activities.evaluate.EvaluateStep;
import polyphony.storage.Step;
import polyphony.workflows.Activities;
import polyphony.workflows.Debate;
import polyphony.workflows.Evaluate;

/** The steps that sample or score, as activities. */
public final class SamplingActivities implements Activities.Sampling {
  private final StepRunner runner;
  private final DebateStep debate;
  private final EvaluateStep evaluate;

  public SamplingActivities(StepRunner runner, DebateStep debate, EvaluateStep evaluate) {
    this.runner = runner;
    this.debate = debate;
    this.evaluate = evaluate;
  }

  @Override
  public Debate.Result debate(Debate.Request request) {
    String detail =
        String.format(
            Locale.ROOT,
            "agent %d, round %d, %s questions %d to %d, iteration %d",
            request.agent() + 1,
            request.round(),
            request.purpose().name().toLowerCase(Locale.ROOT),
            request.from() + 1,
            request.to(),
            request.iteration());
    StepRunner.Ended<Debate.Result> ended =
        runner.heavy(
            new Step(DebateStep.NAME, DebateStep.VERSION, request),
            detail,
            request.versions(),
            Debate.Result.class,
            (attempt, progress) -> debate.run(request, attempt, progress));
    return ended.finished().withStep(ended.report());
  }

  @Override
  public Evaluate.Result evaluate(Evaluate.Request request) {
    String detail =
        String.format(
            Locale.ROOT,
            "questions %d to %d, iteration %d",
            request.from() + 1,
            request.to(),
            request.iteration());
    StepRunner.Ended<Evaluate.Result> ended =
        runner.heavy(
            new Step(EvaluateStep.NAME, EvaluateStep.VERSION, request),
            detail,
            request.versions(),
            Evaluate.Result.class,
            (attempt, progress) -> evaluate.run(request, attempt, progress));
    return ended.finished().withStep(ended.report());
  }
}
