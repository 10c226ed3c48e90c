package polyphony.activities.evaluate;

import java.util.List;
import polyphony.activities.grading.CountingGrader;
import polyphony.activities.grading.Grader;
import polyphony.activities.tasks.Question;
import polyphony.activities.vote.Label;
import polyphony.storage.PolyphonyException;

/**
 * How many labels are the true answers. For the record only: the method itself never sees one.
 *
 * @param labelled questions with a label
 * @param correct of these, those with the true one
 * @param undecided comparisons with the true answer that could not be decided; they count as wrong
 */
public record LabelPrecision(int labelled, int correct, int undecided) {
  /** Of no labels. */
  public static final LabelPrecision NONE = new LabelPrecision(0, 0, 0);

  /**
   * @param questions the whole set that the labels are about
   * @throws PolyphonyException DATA where a label belongs to another set
   */
  public static LabelPrecision of(List<Label> labels, List<Question> questions, Grader grader) {
    CountingGrader counting = new CountingGrader(grader);
    int labelled = 0;
    int correct = 0;
    for (Label label : labels) {
      if (label.index() >= questions.size()
          || !questions.get(label.index()).id().equals(label.question())) {
        throw PolyphonyException.data(
            "the label of question " + label.index() + " belongs to another question set");
      }
      if (label.label() != null) {
        labelled++;
        correct +=
            counting.equivalent(label.label(), questions.get(label.index()).answer()) ? 1 : 0;
      }
    }
    return new LabelPrecision(labelled, correct, counting.undecided());
  }

  /** In [0, 1]; null where nothing is labelled. */
  public Double share() {
    return labelled == 0 ? null : correct / (double) labelled;
  }
}
