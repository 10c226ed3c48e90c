package polyphony.activities.tasks;

import java.util.List;
import polyphony.activities.grading.Grader;

/** Questions, how an answer is read from a text, and when two answers are the same. */
public interface Task extends Grader {
  String name();

  /** Changes whenever questions, extraction or equivalence change. */
  int version();

  /**
   * A question set. Sets of different splits share no question, whatever their sizes and seeds.
   *
   * @throws polyphony.storage.PolyphonyException CONFIG where the split has fewer questions, naming
   *     how many it has
   */
  List<Question> questions(Split split, int count, long seed);

  /** How many questions the largest set of this split has. */
  int largestSet(Split split);

  /** Parts of a task's questions that never overlap. */
  enum Split {
    /** For pretraining a built-in model. */
    PRETRAIN,
    /** To finetune on. */
    FINETUNE,
    /** For choosing settings. */
    VALIDATE,
    /** To evaluate on. */
    EVALUATE
  }
}
