package polyphony.activities.tasks;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;

/**
 * The paper's arithmetic: {@code a+b*c+d-e*f} with operands drawn uniformly from 0 to 29 and
 * multiplication before addition, such as {@code 12+7*23+5-14*9}.
 *
 * <p>A question belongs to a split by the hash of its text, so that splits are disjoint whatever is
 * drawn from them: one eighth each is for evaluation, validation and finetuning, the rest for
 * pretraining. The hash knows nothing of the numbers, so that every split looks like the whole.
 */
public final class ArithmeticTask implements Task {
  /** Operands are below this, from 0. */
  public static final int OPERANDS = 30;

  /**
   * The largest set. Every split has some 90 million questions or more of the 30^6; a larger set
   * would neither fit memory nor be worth drawing.
   */
  static final int LARGEST_SET = 10_000_000;

  @Override
  public String name() {
    return "arithmetic";
  }

  @Override
  public int version() {
    return 2;
  }

  /**
   * Draws without repeats. The first questions of a larger set with the same seed are the smaller
   * set.
   */
  @Override
  public List<Question> questions(Split split, int count, long seed) {
    if (count < 0 || count > LARGEST_SET) {
      throw PolyphonyException.config(
          "task arithmetic gives 0 to "
              + LARGEST_SET
              + " questions for each purpose, not "
              + count
              + "; ask for fewer");
    }
    SplittableRandom random = new SplittableRandom(seedOf(split, seed));
    Set<String> drawn = new HashSet<>();
    List<Question> questions = new ArrayList<>(count);
    while (questions.size() < count) {
      int a = random.nextInt(OPERANDS);
      int b = random.nextInt(OPERANDS);
      int c = random.nextInt(OPERANDS);
      int d = random.nextInt(OPERANDS);
      int e = random.nextInt(OPERANDS);
      int f = random.nextInt(OPERANDS);
      Question question = question(a, b, c, d, e, f);
      if (splitOf(question.text()) == split && drawn.add(question.text())) {
        questions.add(question);
      }
    }
    return questions;
  }

  /** The question {@code a+b*c+d-e*f}. */
  public static Question question(int a, int b, int c, int d, int e, int f) {
    String text = a + "+" + b + "*" + c + "+" + d + "-" + e + "*" + f;
    return new Question(text, text, Integer.toString(a + b * c + d - e * f));
  }

  /** The split that a question belongs to. */
  public static Split splitOf(String text) {
    return switch (hash(text)[0] & 7) {
      case 0 -> Split.EVALUATE;
      case 1 -> Split.VALIDATE;
      case 2 -> Split.FINETUNE;
      default -> Split.PRETRAIN;
    };
  }

  /**
   * The last {@code \boxed{…}}; in a text without one, what follows the last {@code #}: the compact
   * dialect ends in {@code =52#52}, GSM8K's solutions in {@code #### 52}.
   */
  @Override
  public Optional<String> extract(String text) {
    return FinalInteger.in(text);
  }

  /** Equal integers, however written; what is no integer equals only itself. */
  @Override
  public boolean equivalent(String one, String other) {
    return FinalInteger.canonical(one)
        .orElse(one)
        .equals(FinalInteger.canonical(other).orElse(other));
  }

  private long seedOf(Split split, long seed) {
    return ByteBuffer.wrap(
            hash(name() + version() + "\n" + split.name().toLowerCase(Locale.ROOT) + "\n" + seed))
        .getLong();
  }

  private static byte[] hash(String text) {
    return java.util.HexFormat.of().parseHex(Sha256.of(text.getBytes(StandardCharsets.UTF_8)));
  }
}
