package polyphony.activities.vote;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import polyphony.activities.JsonLines;
import polyphony.activities.Seeds;
import polyphony.activities.debate.Answer;
import polyphony.activities.debate.Answers;
import polyphony.activities.tasks.Task;
import polyphony.activities.tasks.Tasks;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.workflows.Vote;

/** The majority vote over all agents' answers of one round, question by question. */
public final class VoteStep {
  /** The activity's type and the step's name. */
  public static final String NAME = "vote";

  /** Raised whenever equal requests would give other votes. */
  public static final int VERSION = 1;

  /**
   * @return always present; its step report is null
   */
  public Optional<Vote.Result> run(Vote.Request request, StepAttempt attempt) {
    Task task = Tasks.named(request.task());
    MajorityVote vote =
        new MajorityVote(
            task::equivalent, TieRule.named(request.tieRule()), request.minimumVotes());
    List<List<Answer>> answers = answers(request, attempt);
    List<Label> labels = new ArrayList<>();
    for (int i = 0; i < answers.get(0).size(); i++) {
      int row = i;
      Answer first = answers.get(0).get(i);
      List<String> votes = new ArrayList<>(); // holds nulls
      answers.forEach(each -> votes.add(each.get(row).answer()));
      long seed =
          Seeds.tie(request.seed(), request.purpose(), request.iteration(), first.question());
      MajorityVote.Outcome outcome = vote.decide(votes, seed);
      labels.add(
          new Label(
              first.index(),
              first.question(),
              outcome.label(),
              votes,
              outcome.agreeing(),
              outcome.tied()));
    }
    return Optional.of(
        new Vote.Result(
            attempt.put(JsonLines.write(labels), JsonLines.MEDIA_TYPE, "votes.jsonl"),
            labels.size(),
            (int) labels.stream().filter(each -> each.label() != null).count(),
            (int) labels.stream().filter(Label::tied).count(),
            null));
  }

  private static List<List<Answer>> answers(Vote.Request request, StepAttempt attempt) {
    if (request.answers().isEmpty() || request.answers().get(0).isEmpty()) {
      throw PolyphonyException.data("there are no answers to vote over");
    }
    List<List<Answer>> answers = new ArrayList<>();
    for (int agent = 0; agent < request.answers().size(); agent++) {
      List<Answer> own = Answers.read(attempt.artifacts(), request.answers().get(agent), agent);
      answers.add(own);
      Answers.checkSameQuestions(answers.get(0), own);
      if (!own.isEmpty() && own.get(0).round() != answers.get(0).get(0).round()) {
        throw PolyphonyException.data("the agents' answers are of different rounds");
      }
    }
    return answers;
  }
}
