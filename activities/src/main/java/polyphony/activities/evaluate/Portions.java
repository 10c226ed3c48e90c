package polyphony.activities.evaluate;

import java.util.ArrayList;
import java.util.List;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Scorer;

/**
 * Texts in portions whose distributions over the vocabulary fit the Java heap: those of a batch of
 * long answers have gigabytes in a large vocabulary. Where one portion holds them all, and in a
 * small vocabulary it does, nothing is cut. The cuts follow from the texts alone, so that an
 * attempt that goes on after another makes the very same ones.
 */
public final class Portions {
  /** Numbers in a portion's distributions: 64 MiB of 32-bit floats. */
  private static final long LARGEST = 1 << 24;

  private Portions() {}

  /**
   * @param judges models that score a text in one call
   */
  static List<List<Scorer.Text>> of(List<Scorer.Text> texts, int vocabularySize, int judges) {
    return of(texts, vocabularySize, judges, Integer.MAX_VALUE);
  }

  /**
   * The same.
   *
   * @param atOnce texts of a portion, at most
   */
  static List<List<Scorer.Text>> of(
      List<Scorer.Text> texts, int vocabularySize, int judges, int atOnce) {
    List<List<Scorer.Text>> portions = new ArrayList<>();
    int from = 0;
    long numbers = 0;
    for (int i = 0; i < texts.size(); i++) {
      long own = (long) scored(texts.get(i)) * vocabularySize * judges;
      if (i > from && (numbers + own > LARGEST || i - from == atOnce)) {
        portions.add(texts.subList(from, i));
        from = i;
        numbers = 0;
      }
      numbers += own;
    }
    if (from < texts.size()) {
      portions.add(texts.subList(from, texts.size()));
    }
    return portions;
  }

  /**
   * What scoring these texts in portions takes.
   *
   * @param sessions bases that are open at a time
   * @param adapters of all models
   * @param judges models over one base that score a text in one call
   */
  static MemoryPlan plan(
      Arithmetic arithmetic,
      LanguageModel model,
      int sessions,
      List<AdapterConfig> adapters,
      List<Scorer.Text> texts,
      int judges) {
    int longest = 0;
    long most = 0;
    for (List<Scorer.Text> portion : of(texts, model.config().vocabularySize(), judges)) {
      longest =
          Math.max(
              longest, portion.stream().mapToInt(each -> each.tokens().length).max().orElse(0));
      most = Math.max(most, portion.stream().mapToLong(Portions::scored).sum());
    }
    return MemoryPlan.scoring(
        arithmetic,
        model,
        sessions,
        adapters,
        Math.max(1, texts.size()) * judges,
        Math.max(1, longest),
        most * judges);
  }

  /**
   * Tokens whose distributions one portion holds at most.
   *
   * @param longest tokens of one text that are scored; these are never divided
   */
  public static long scored(int vocabularySize, int longest) {
    return Math.max(longest, LARGEST / vocabularySize);
  }

  private static int scored(Scorer.Text text) {
    return text.tokens().length - text.from();
  }
}
