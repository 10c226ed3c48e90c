package polyphony.activities.tasks;

import java.util.List;
import java.util.Optional;

/** Questions, how an answer is read from a text, and when two answers are the same. */
public interface Task {
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

  /** The final answer that {@code text} states; empty where it states none. */
  Optional<String> extract(String text);

  /** Whether two extracted answers are the same answer. An equivalence relation. */
  boolean equivalent(String one, String other);

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
