package polyphony.activities.report;

import java.util.List;
import polyphony.activities.evaluate.Measurement;

/** What became of a question in a debate. */
public enum DebateKind {
  CORRECTED("corrected", "most first answers were wrong, and the vote is right"),
  BROKEN("broken", "most first answers were right, and the vote is wrong"),
  RIGHT("right majority", "the vote is right, as at least half of the first answers were"),
  WRONG("wrong majority", "the vote is wrong, as at least half of the first answers were");

  private final String shown;
  private final String meaning;

  DebateKind(String shown, String meaning) {
    this.shown = shown;
    this.meaning = meaning;
  }

  String shown() {
    return shown;
  }

  String meaning() {
    return meaning;
  }

  static DebateKind of(Measurement measurement) {
    int agents = measurement.firstRoundCorrect().size();
    int right = right(measurement.firstRoundCorrect());
    return measurement.correct()
        ? 2 * right < agents ? CORRECTED : RIGHT
        : 2 * right > agents ? BROKEN : WRONG;
  }

  /**
   * How much there is to see in a debate of this kind: more is better. Where the vote was put right
   * or wrong, by how many agents changed sides; where it stayed right, by how many were wrong at
   * first; where it stayed wrong, by how many agreed on that.
   */
  double interest(Measurement measurement) {
    int first = right(measurement.firstRoundCorrect());
    int last = right(measurement.lastRoundCorrect());
    return switch (this) {
      case CORRECTED -> last - first;
      case BROKEN -> first - last;
      case RIGHT -> -first;
      case WRONG -> measurement.agreeing();
    };
  }

  private static int right(List<Boolean> byAgent) {
    return (int) byAgent.stream().filter(each -> each).count();
  }
}
