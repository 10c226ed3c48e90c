package polyphony.activities.data;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Pairs of questions that share most of their triples of words (Jaccard similarity). Triples that
 * hundreds of questions share say nothing and are passed over when pairs are looked for.
 */
public final class NearDuplicates {
  static final double SIMILAR = 0.7;
  static final int MAX_REPORTED = 1_000;
  private static final int COMMON = 300;
  private static final int WORDS = 3;

  /**
   * @param one id of a question to finetune on or to choose settings on
   * @param other id of a question to evaluate on
   * @param similarity from {@value #SIMILAR} to 1
   */
  public record Pair(String one, String other, double similarity) {}

  private NearDuplicates() {}

  static List<Pair> between(List<DataQuestion> some, List<DataQuestion> others) {
    Map<Integer, List<Integer>> index = new HashMap<>();
    List<Set<Integer>> shingles = new ArrayList<>();
    for (int i = 0; i < some.size(); i++) {
      Set<Integer> own = shingles(some.get(i).text());
      shingles.add(own);
      for (int shingle : own) {
        index.computeIfAbsent(shingle, key -> new ArrayList<>()).add(i);
      }
    }
    List<Pair> pairs = new ArrayList<>();
    for (DataQuestion other : others) {
      Set<Integer> own = shingles(other.text());
      Set<Integer> candidates = new HashSet<>();
      for (int shingle : own) {
        List<Integer> holders = index.getOrDefault(shingle, List.of());
        if (holders.size() <= COMMON) {
          candidates.addAll(holders);
        }
      }
      for (int candidate : candidates.stream().sorted().toList()) {
        double similarity = similarity(shingles.get(candidate), own);
        if (similarity >= SIMILAR) {
          pairs.add(new Pair(some.get(candidate).id(), other.id(), similarity));
        }
      }
    }
    return pairs;
  }

  private static double similarity(Set<Integer> one, Set<Integer> other) {
    Set<Integer> smaller = one.size() < other.size() ? one : other;
    Set<Integer> larger = smaller == one ? other : one;
    long common = smaller.stream().filter(larger::contains).count();
    return common / (double) (one.size() + other.size() - common);
  }

  private static Set<Integer> shingles(String text) {
    List<String> words = List.of(normal(text).split(" ", -1));
    Set<Integer> shingles = new HashSet<>();
    for (int i = 0; i + WORDS <= words.size() || i == 0; i++) {
      shingles.add(words.subList(i, Math.min(words.size(), i + WORDS)).hashCode());
    }
    return shingles;
  }

  /** Words and numbers alone: what two questions must share to be the same. */
  public static String normal(String text) {
    return text.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N}+*/=<>^\\\\-]++", " ").strip();
  }
}
