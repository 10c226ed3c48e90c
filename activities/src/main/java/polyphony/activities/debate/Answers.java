package polyphony.activities.debate;

import java.util.ArrayList;
import java.util.List;
import polyphony.activities.JsonLines;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.PolyphonyException;

/** Reads answers artifacts. */
public final class Answers {
  private Answers() {}

  /**
   * One agent's answers of one round.
   *
   * @param ranges in the order of their questions
   * @throws PolyphonyException DATA where an answer is another agent's or round's, where questions
   *     are out of order, or where an answer's turns do not lie in its tokens
   */
  public static List<Answer> read(
      Artifacts artifacts, List<ArtifactRef> ranges, int agent, int round) {
    List<Answer> answers = read(artifacts, ranges, agent);
    if (!answers.isEmpty() && answers.get(0).round() != round) {
      throw PolyphonyException.data(
          "agent "
              + (agent + 1)
              + "'s answers are of round "
              + answers.get(0).round()
              + ", not of round "
              + round);
    }
    return answers;
  }

  /** As above, of whichever round the first answer is. */
  public static List<Answer> read(Artifacts artifacts, List<ArtifactRef> ranges, int agent) {
    List<Answer> answers = new ArrayList<>();
    for (ArtifactRef range : ranges) {
      for (Answer answer : JsonLines.read(artifacts.bytes(range), Answer.class)) {
        Answer before = answers.isEmpty() ? null : answers.get(answers.size() - 1);
        boolean follows =
            before == null || (before.index() < answer.index() && before.round() == answer.round());
        if (answer.agent() != agent || !follows || !wellFormed(answer)) {
          throw PolyphonyException.data(
              "artifact "
                  + range.sha256()
                  + " does not hold agent "
                  + (agent + 1)
                  + "'s answers of one round in order: see question "
                  + answer.question());
        }
        answers.add(answer);
      }
    }
    return answers;
  }

  /**
   * Checks that lists of answers are about the same questions.
   *
   * @throws PolyphonyException DATA with the first question on which they differ
   */
  public static void checkSameQuestions(List<Answer> one, List<Answer> other) {
    for (int i = 0; i < Math.max(one.size(), other.size()); i++) {
      if (i >= Math.min(one.size(), other.size())
          || one.get(i).index() != other.get(i).index()
          || !one.get(i).question().equals(other.get(i).question())) {
        throw PolyphonyException.data(
            "the agents' answers are about different questions from number " + i + " on");
      }
    }
  }

  private static boolean wellFormed(Answer answer) {
    if (answer.tokens() == null
        || answer.text() == null
        || answer.turns() == null
        || answer.turns().size() != answer.round()
        || answer.messages() == null
        || answer.messages().size() != 2 * answer.round()) {
      return false;
    }
    int end = 0;
    for (int[] turn : answer.turns()) {
      if (turn.length != 2 || turn[0] < end || turn[1] < turn[0]) {
        return false;
      }
      end = turn[1];
    }
    return end == answer.tokens().length;
  }
}
