package polyphony.activities.vote;

import java.util.Arrays;
import java.util.List;
import polyphony.storage.PolyphonyException;

/** What happens where several answers have most votes. */
public enum TieRule {
  /** One of them at random, decided by the question's seed. */
  RANDOM("random"),
  /** The one that the lowest agent voted for. */
  FIRST("first"),
  /** No label. */
  SKIP("skip"),
  /** The largest as a string, in order of code points: what the authors' released code does. */
  RELEASED_CODE("released-code");

  private final String label;

  TieRule(String label) {
    this.label = label;
  }

  /** As in specs. */
  public String label() {
    return label;
  }

  /** All names. */
  public static List<String> names() {
    return Arrays.stream(values()).map(TieRule::label).toList();
  }

  /**
   * @throws PolyphonyException CONFIG with the names that exist
   */
  public static TieRule named(String label) {
    return Arrays.stream(values())
        .filter(each -> each.label.equals(label))
        .findFirst()
        .orElseThrow(
            () ->
                PolyphonyException.config(
                    "there is no tie rule \""
                        + label
                        + "\"; tieRule is one of "
                        + String.join(", ", names())));
  }
}
