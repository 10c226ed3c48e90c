package polyphony.activities.vote;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import polyphony.activities.JsonLines;
import polyphony.activities.Seeds;
import polyphony.activities.debate.Answer;
import polyphony.activities.debate.Answers;
import polyphony.activities.grading.CountingGrader;
import polyphony.activities.grading.Grader;
import polyphony.activities.tasks.Question;
import polyphony.storage.Artifacts;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Vote;

/**
 * A vote on every question that was answered.
 *
 * @param labels in the questions' order
 * @param undecided comparisons of answers that could not be decided; they counted as different
 */
public record Labelling(List<Label> labels, int undecided) {
  public Labelling {
    labels = List.copyOf(labels);
  }

  /**
   * Votes.
   *
   * @param grader compares the answers
   * @param reading what a stored answer is taken for: as it is, or read again
   * @throws PolyphonyException DATA where answers, or answers and true answers, do not belong
   *     together; CONFIG for an unknown tie rule
   */
  public static Labelling of(
      Vote.Request request, Artifacts artifacts, Grader grader, UnaryOperator<Answer> reading) {
    // Every pair of groups of one question is compared at most once, so agents bound the cost.
    CountingGrader counting = new CountingGrader(grader);
    MajorityVote vote =
        new MajorityVote(
            counting::equivalent, TieRule.named(request.tieRule()), request.minimumVotes());
    List<List<Answer>> answers = answers(request, artifacts, reading);
    Optional<List<Question>> truth =
        Optional.ofNullable(request.truth())
            .map(questions -> JsonLines.read(artifacts.bytes(questions), Question.class));
    List<Label> labels = new ArrayList<>();
    for (int i = 0; i < answers.get(0).size(); i++) {
      int row = i;
      Answer first = answers.get(0).get(i);
      List<String> votes = new ArrayList<>(); // holds nulls
      answers.forEach(each -> votes.add(each.get(row).answer()));
      labels.add(
          truth.isPresent()
              ? label(first, votes, truth.get(), counting)
              : label(request, first, votes, vote));
    }
    return new Labelling(labels, counting.undecided());
  }

  private static Label label(
      Vote.Request request, Answer answer, List<String> votes, MajorityVote vote) {
    MajorityVote.Outcome outcome =
        vote.decide(
            votes,
            Seeds.tie(request.seed(), request.purpose(), request.iteration(), answer.question()));
    return new Label(
        answer.index(),
        answer.question(),
        outcome.label(),
        votes,
        outcome.agreeing(),
        outcome.tied());
  }

  /** The true answer as a label, whatever the votes are. */
  private static Label label(
      Answer answer, List<String> votes, List<Question> truth, Grader grader) {
    if (answer.index() >= truth.size()
        || !truth.get(answer.index()).id().equals(answer.question())) {
      throw PolyphonyException.data(
          "the true answers are those of another question set: see question " + answer.question());
    }
    String right = truth.get(answer.index()).answer();
    return new Label(
        answer.index(),
        answer.question(),
        right,
        votes,
        (int) votes.stream().filter(each -> each != null && grader.equivalent(each, right)).count(),
        false);
  }

  /** By agent. */
  private static List<List<Answer>> answers(
      Vote.Request request, Artifacts artifacts, UnaryOperator<Answer> reading) {
    if (request.answers().isEmpty() || request.answers().get(0).isEmpty()) {
      throw PolyphonyException.data("there are no answers to vote over");
    }
    List<List<Answer>> answers = new ArrayList<>();
    for (int agent = 0; agent < request.answers().size(); agent++) {
      List<Answer> own =
          Answers.read(artifacts, request.answers().get(agent), agent).stream()
              .map(reading)
              .toList();
      answers.add(own);
      Answers.checkSameQuestions(answers.get(0), own);
      if (!own.isEmpty() && own.get(0).round() != answers.get(0).get(0).round()) {
        throw PolyphonyException.data("the agents' answers are of different rounds");
      }
    }
    return answers;
  }
}
