package polyphony.activities.split;

import java.util.function.BiPredicate;

/**
 * Which of an agent's sets a question's answers belong to (arXiv 2501.05707, section 2.3 and
 * equation 1).
 *
 * @param first whether the first answer is the label; an answer that could not be read is not
 * @param last whether the last answer is the label
 */
public record Membership(boolean first, boolean last) {
  /**
   * @param firstAnswer null where it could not be read
   * @param lastAnswer null where it could not be read
   * @param label null where the question got none: then its answers belong nowhere
   */
  public static Membership of(
      String firstAnswer, String lastAnswer, String label, BiPredicate<String, String> equivalent) {
    return new Membership(
        matches(firstAnswer, label, equivalent), matches(lastAnswer, label, equivalent));
  }

  private static boolean matches(
      String answer, String label, BiPredicate<String, String> equivalent) {
    return answer != null && label != null && equivalent.test(answer, label);
  }

  /** D^G: the generator learns from its right first answers. */
  public boolean generator() {
    return first;
  }

  /** D^C-: the critic learns from correcting a wrong first answer. */
  public boolean corrected() {
    return !first && last;
  }

  /** D^C+: the critic learns from keeping a right first answer. */
  public boolean confirmed() {
    return first && last;
  }
}
