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
import polyphony.activities.grading.Verdict;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;
import polyphony.workflows.SpecDefaults;

/**
 * The paper's arithmetic: {@code a+b*c+d-e*f} with operands drawn uniformly from 0 to 29, or to
 * another largest one, and multiplication before addition, such as {@code 12+7*23+5-14*9}.
 *
 * <p>A question belongs to a split by the hash of its text, so that splits are disjoint whatever is
 * drawn from them, and whatever the operands: one eighth each is for evaluation, validation and
 * finetuning, the rest for pretraining. The hash knows nothing of the numbers, so that every split
 * looks like the whole.
 */
public final class ArithmeticTask implements Task {
  /** Operands are below this, from 0, where nothing else is asked for. */
  public static final int OPERANDS = SpecDefaults.OPERANDS + 1;

  /** A larger set would neither fit memory nor be worth drawing. */
  static final int LARGEST_SET = 10_000_000;

  private final int operands;

  /** Of the paper's operands. */
  public ArithmeticTask() {
    this(OPERANDS - 1);
  }

  /**
   * @param largest operand, at least 1
   */
  public ArithmeticTask(int largest) {
    this.operands = largest + 1;
  }

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
    if (count < 0 || count > largestSet(split)) {
      throw PolyphonyException.config(
          "task arithmetic"
              + (operands == OPERANDS ? "" : " with operands up to " + (operands - 1))
              + " gives 0 to "
              + largestSet(split)
              + " questions for each purpose, not "
              + count
              + "; ask for fewer");
    }
    SplittableRandom random = new SplittableRandom(seedOf(split, seed));
    Set<String> drawn = new HashSet<>();
    List<Question> questions = new ArrayList<>(count);
    while (questions.size() < count) {
      int a = random.nextInt(operands);
      int b = random.nextInt(operands);
      int c = random.nextInt(operands);
      int d = random.nextInt(operands);
      int e = random.nextInt(operands);
      int f = random.nextInt(operands);
      Question question = question(a, b, c, d, e, f);
      if (splitOf(question.text()) == split && drawn.add(question.text())) {
        questions.add(question);
      }
    }
    return questions;
  }

  /**
   * Every split has an eighth of all questions or more, but for chance. Half of an eighth is the
   * most that is drawn: the last ones would hardly ever come up.
   */
  @Override
  public int largestSet(Split split) {
    return (int) Math.min(LARGEST_SET, Math.round(Math.pow(operands, 6)) / 16);
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
  public Verdict compare(String one, String other) {
    return FinalInteger.canonical(one)
            .orElse(one)
            .equals(FinalInteger.canonical(other).orElse(other))
        ? Verdict.EQUAL
        : Verdict.DIFFERENT;
  }

  private long seedOf(Split split, long seed) {
    String purpose = split.name().toLowerCase(Locale.ROOT);
    String range = operands == OPERANDS ? "" : "\noperands " + operands;
    return ByteBuffer.wrap(hash(name() + version() + "\n" + purpose + "\n" + seed + range))
        .getLong();
  }

  private static byte[] hash(String text) {
    return java.util.HexFormat.of().parseHex(Sha256.of(text.getBytes(StandardCharsets.UTF_8)));
  }
}
