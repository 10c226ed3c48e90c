package polyphony.workers;

import java.util.Collection;
import java.util.Comparator;
import org.apache.commons.text.similarity.LevenshteinDistance;

/** What was probably meant by a name that does not exist. */
final class NearName {
  private static final LevenshteinDistance DISTANCE = LevenshteinDistance.getDefaultInstance();

  private NearName() {}

  /**
   * A question to append to a message, such as {@code "; did you mean slots?"}; empty where no name
   * is near.
   */
  static String question(String given, Collection<String> known) {
    return known.stream()
        .filter(
            each ->
                each.startsWith(given)
                    || DISTANCE.apply(given, each) <= Math.max(2, given.length() / 3))
        .min(Comparator.comparing(each -> DISTANCE.apply(given, each)))
        .map(each -> "; did you mean " + each + "?")
        .orElse("");
  }
}
