package polyphony.activities;

import java.util.Locale;
import polyphony.workflows.Activities;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
import polyphony.workflows.Evaluate;

/** The steps that sample or score, as activities. */
public final class SamplingActivities implements Activities.Sampling {
  private final StepRunner runner;

  public SamplingActivities(StepRunner runner) {
    this.runner = runner;
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
    StepRunner.Ended<Debate.Result> ended = runner.heavy(ModelStep.DEBATE, request, detail);
    return ended.finished().withStep(ended.report());
  }

  @Override
  public DebateRound.Result debateRound(DebateRound.Request request) {
    String detail =
        String.format(
            Locale.ROOT,
            "agents 1 to %d, round %d, %s questions %d to %d, iteration %d",
            request.turns().size(),
            request.round(),
            request.purpose().name().toLowerCase(Locale.ROOT),
            request.from() + 1,
            request.to(),
            request.iteration());
    StepRunner.Ended<DebateRound.Result> ended =
        runner.heavy(ModelStep.DEBATE_ROUND, request, detail);
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
    StepRunner.Ended<Evaluate.Result> ended = runner.heavy(ModelStep.EVALUATE, request, detail);
    return ended.finished().withStep(ended.report());
  }
}
