package polyphony.activities.grading;

import java.util.Optional;

/** Reads answers and compares them. */
public interface Grader {
  /** The final answer that a model's text states; empty where it states none. */
  Optional<String> extract(String text);

  /**
   * The answer in something that is already meant to be one, such as a data set's gold answer: it
   * may still come with its whole solution around it.
   */
  default Optional<String> read(String answer) {
    return Optional.of(answer);
  }

  /** Whether two answers are the same one. */
  Verdict compare(String one, String other);

  /** Whether two answers were shown to be the same one. */
  default boolean equivalent(String one, String other) {
    return compare(one, other) == Verdict.EQUAL;
  }
}
