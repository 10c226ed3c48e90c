package polyphony.activities.regrade;

import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import polyphony.activities.debate.Answer;
import polyphony.activities.grading.Grader;
import polyphony.activities.regrade.Regrading.Change;
import polyphony.activities.tasks.Tasks;
import polyphony.activities.vote.Label;
import polyphony.activities.vote.Labelling;
import polyphony.storage.Artifacts;
import polyphony.workflows.Vote;

/**
 * How answers were graded, and how they are to be.
 *
 * @param names of both
 * @param before this version's grader in the recorded modes: if the recorded one is of an earlier
 *     version, that is no longer here
 * @param grader the asked one
 */
record Grading(Change<String> names, Grader before, Grader grader) {
  /**
   * @param recorded what steps were given
   * @param extractor mode; null: the recorded one
   * @param checker mode; null: the recorded one
   */
  static Grading of(String recorded, String extractor, String checker) {
    String asked = Tasks.regraded(recorded, extractor, checker);
    return new Grading(
        new Change<>(recorded, asked),
        Tasks.grader(Tasks.regraded(recorded, null, null)),
        Tasks.grader(asked));
  }

  /** Reads an answer's text again. */
  UnaryOperator<Answer> reading() {
    return answer -> answer.withAnswer(grader.extract(answer.text()).orElse(null));
  }

  /** Votes again. */
  List<Label> labels(Vote.Request vote, Artifacts artifacts) {
    return Labelling.of(vote, artifacts, grader, reading()).labels();
  }

  /** Whether two labels are the same answer, or both are none. */
  boolean same(String one, String other) {
    return Objects.equals(one, other)
        || (one != null && other != null && grader.equivalent(one, other));
  }
}
