package polyphony.activities.split;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import polyphony.activities.debate.Answer;
import polyphony.activities.debate.Answers;
import polyphony.activities.grading.Grader;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Split;

/**
 * One agent's answers on one question.
 *
 * @param answers by round
 * @param membership which of the agent's sets they belong to
 */
public record Debated(List<Answer> answers, Membership membership) {
  public Debated {
    answers = List.copyOf(answers);
  }

  /** Id of the question. */
  public String question() {
    return first().question();
  }

  Answer first() {
    return answers.get(0);
  }

  Answer last() {
    return answers.get(answers.size() - 1);
  }

  /**
   * Whether nothing that a critic would learn of it was cut at the token limit.
   *
   * @param allTurns whether it would learn every turn, not the last one alone
   */
  boolean whole(boolean allTurns) {
    return allTurns ? answers.stream().allMatch(Answer::ended) : last().ended();
  }

  /**
   * All that was said, by agent, in question order.
   *
   * @param labels of the same questions
   * @param grader compares answers with labels
   * @param reading what a stored answer is taken for: as it is, or read again
   * @throws PolyphonyException DATA where answers and labels do not belong together
   */
  public static List<List<Debated>> byAgent(
      Split.Request request,
      List<Label> labels,
      Artifacts artifacts,
      Grader grader,
      UnaryOperator<Answer> reading) {
    Map<Integer, Label> byIndex = new HashMap<>();
    labels.forEach(label -> byIndex.put(label.index(), label));
    List<List<List<ArtifactRef>>> rounds = request.answers();
    int agents = rounds.isEmpty() ? 0 : rounds.get(0).size();
    List<List<Debated>> debated = new ArrayList<>();
    for (int agent = 0; agent < agents; agent++) {
      List<List<Answer>> byRound = new ArrayList<>();
      for (int round = 1; round <= rounds.size(); round++) {
        byRound.add(
            Answers.read(artifacts, rounds.get(round - 1).get(agent), agent, round).stream()
                .map(reading)
                .toList());
        Answers.checkSameQuestions(byRound.get(0), byRound.get(round - 1));
      }
      List<Debated> own = new ArrayList<>();
      for (int i = 0; i < byRound.get(0).size(); i++) {
        int row = i;
        List<Answer> answers = byRound.stream().map(each -> each.get(row)).toList();
        own.add(of(answers, byIndex.get(answers.get(0).index()), grader));
      }
      debated.add(own);
    }
    return debated;
  }

  private static Debated of(List<Answer> answers, Label label, Grader grader) {
    Answer first = answers.get(0);
    if (label == null || !label.question().equals(first.question())) {
      throw PolyphonyException.data(
          "the votes do not belong to these answers: none is about question " + first.question());
    }
    return new Debated(
        answers,
        Membership.of(
            first.answer(),
            answers.get(answers.size() - 1).answer(),
            label.label(),
            grader::equivalent));
  }
}
