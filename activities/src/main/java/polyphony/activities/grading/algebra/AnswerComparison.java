package polyphony.activities.grading.algebra;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import polyphony.activities.grading.Verdict;

/**
 * Whether two mathematical answers are the same, whatever notation they are written in: numbers,
 * expressions, lists, tuples, intervals, sets, equations, inequalities, matrices, words, with units
 * or without. Understands LaTeX and plain notation.
 *
 * <p>A comma is ambiguous. {@code 1,234} may be a number or two, {@code 1,5} a decimal or two
 * numbers: answers are equal where they are in one of the readings.
 */
public final class AnswerComparison {
  /** A longer answer is compared as a text only. */
  static final int MAX_LENGTH = 2_000;

  private static final Pattern THOUSANDS =
      Pattern.compile("(?<![0-9.,])[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])");
  private static final Pattern DECIMAL_COMMA =
      Pattern.compile("[^0-9.,()\\[\\]{}]*+[0-9]++,[0-9]++[^0-9.,()\\[\\]{}]*+");
  private static final Pattern EUROPEAN =
      Pattern.compile("[^0-9.,]*+[0-9]{1,3}(?:\\.[0-9]{3})++,[0-9]++[^0-9.,]*+");

  private AnswerComparison() {}

  /** Takes bounded time and memory whatever the answers are. */
  public static Verdict compare(String one, String other) {
    return compare(one, other, new Work());
  }

  static Verdict compare(String one, String other, Work work) {
    if (one.strip().equals(other.strip())) {
      return Verdict.EQUAL;
    }
    if (one.length() > MAX_LENGTH || other.length() > MAX_LENGTH) {
      return Verdict.UNDECIDED;
    }
    try {
      List<Reading> readings = readings(one, work);
      List<Reading> others = readings(other, work);
      Verdict verdict = null;
      for (Reading first : readings) {
        for (Reading second : others) {
          Verdict here = compare(first, second, work);
          if (here == Verdict.EQUAL) {
            return here;
          }
          verdict = verdict == null ? here : verdict;
        }
      }
      return verdict;
    } catch (Work.Undecidable e) {
      return Verdict.UNDECIDED;
    }
  }

  /**
   * Whether two plain expressions have the same value wherever they have one, with no allowance for
   * rounding, units or notation.
   */
  public static boolean identical(String one, String other) {
    if (one.length() > MAX_LENGTH || other.length() > MAX_LENGTH) {
      return false;
    }
    Work work = new Work();
    try {
      Optional<Node> first = Parser.parse(Lexer.tokens(one, work), work);
      Optional<Node> second = Parser.parse(Lexer.tokens(other, work), work);
      return first.isPresent()
          && second.isPresent()
          && Shape.of(first.get()) instanceof Shape.Expression left
          && Shape.of(second.get()) instanceof Shape.Expression right
          && new ShapeComparison(work).identical(left.node(), right.node());
    } catch (Work.Undecidable e) {
      return false;
    }
  }

  /** Whether the whole is mathematics or a word, and no prose; for those who look for an answer. */
  public static boolean readable(String answer) {
    if (answer.length() > MAX_LENGTH) {
      return false;
    }
    Work work = new Work();
    try {
      return readings(answer, work).stream().anyMatch(each -> each.tree().isPresent());
    } catch (Work.Undecidable e) {
      return false;
    }
  }

  /**
   * @param letters its characters without spaces and case, for what is no mathematics
   */
  private record Reading(String letters, List<Token> tokens, Optional<Node> tree) {}

  private static List<Reading> readings(String answer, Work work) {
    String clean = Source.clean(answer);
    List<String> spellings = new ArrayList<>();
    Matcher thousands = THOUSANDS.matcher(clean);
    if (thousands.find()) {
      spellings.add(THOUSANDS.matcher(clean).replaceAll(match -> match.group().replace(",", "")));
    }
    spellings.add(clean);
    if (DECIMAL_COMMA.matcher(clean).matches()) {
      spellings.add(clean.replace(',', '.'));
    } else if (EUROPEAN.matcher(clean).matches()) {
      spellings.add(clean.replace(".", "").replace(',', '.'));
    }
    List<Reading> readings = new ArrayList<>();
    for (String spelling : spellings) {
      List<Token> tokens = Lexer.tokens(spelling, work);
      readings.add(new Reading(letters(tokens), tokens, Parser.parse(tokens, work)));
    }
    return readings;
  }

  private static String letters(List<Token> tokens) {
    StringBuilder letters = new StringBuilder();
    for (Token token : tokens) {
      if (!token.sign("{") && !token.sign("}")) {
        letters.append(token.kind() == Token.Kind.COMMAND ? "\\" : "").append(token.text());
      }
    }
    return letters.toString().toLowerCase(Locale.ROOT).replaceAll("[\\s'’]++", "");
  }

  private static Verdict compare(Reading one, Reading other, Work work) {
    if (!one.tokens().isEmpty() && sameTokens(one.tokens(), other.tokens())) {
      return Verdict.EQUAL;
    }
    if (one.tokens().isEmpty() || other.tokens().isEmpty()) {
      return Verdict.DIFFERENT;
    }
    if (textual(one) || textual(other)) {
      return bare(one.letters()).equals(bare(other.letters())) ? Verdict.EQUAL : Verdict.DIFFERENT;
    }
    if (one.tree().isEmpty() || other.tree().isEmpty()) {
      return one.letters().equals(other.letters()) ? Verdict.EQUAL : unread(one, other);
    }
    Shape first = Shape.of(one.tree().get());
    Shape second = Shape.of(other.tree().get());
    Verdict verdict = new ShapeComparison(work).compare(first, second);
    if (verdict == Verdict.UNDECIDED) {
      return one.letters().equals(other.letters())
          ? Verdict.EQUAL
          : (has(one, Token.Kind.WORDS) || has(other, Token.Kind.WORDS))
                  && !has(one, Token.Kind.COMMAND)
                  && !has(other, Token.Kind.COMMAND)
              ? Verdict.DIFFERENT
              : verdict;
    }
    return verdict;
  }

  private static boolean has(Reading reading, Token.Kind kind) {
    return reading.tokens().stream().anyMatch(each -> each.kind() == kind);
  }

  /** Where one was not understood: plain words differ from mathematics, notation may not. */
  private static Verdict unread(Reading one, Reading other) {
    return notation(one) || notation(other) ? Verdict.UNDECIDED : Verdict.DIFFERENT;
  }

  private static boolean notation(Reading reading) {
    return reading.tree().isEmpty() && has(reading, Token.Kind.COMMAND);
  }

  /** Whether it is a word, in parentheses or not, or a single letter. */
  private static boolean textual(Reading reading) {
    List<Token> tokens =
        reading.tokens().stream()
            .filter(each -> each.kind() != Token.Kind.SIGN || !"(){}[].:\"".contains(each.text()))
            .toList();
    return tokens.size() == 1
        && (tokens.get(0).kind() == Token.Kind.WORDS
            || (tokens.get(0).kind() == Token.Kind.LETTER
                && Character.isUpperCase(tokens.get(0).text().charAt(0))));
  }

  private static String bare(String letters) {
    String bare = letters.replaceAll("[(){}\\[\\].:\"]++", "");
    return bare.startsWith("the") && bare.length() > 6 ? bare.substring(3) : bare;
  }

  private static boolean sameTokens(List<Token> one, List<Token> other) {
    if (one.size() != other.size()) {
      return false;
    }
    for (int i = 0; i < one.size(); i++) {
      if (one.get(i).kind() != other.get(i).kind()
          || !one.get(i).text().equals(other.get(i).text())) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether {@code rounded}, a decimal as written, is what {@code exact} rounds to, and close to
   * it.
   */
  static boolean rounds(Node.Numeral rounded, Value exact) {
    if (rounded.decimals() < 1 || !exact.isReal() || !Double.isFinite(exact.re())) {
      return false;
    }
    double value = rounded.value().doubleValue();
    if (Math.abs(value - exact.re()) > 1e-4 * Math.abs(exact.re())) {
      return false;
    }
    BigDecimal precise = BigDecimal.valueOf(exact.re());
    BigDecimal half = new BigDecimal("0.5000001").scaleByPowerOfTen(-rounded.decimals());
    return precise.subtract(rounded.value()).abs().compareTo(half) <= 0
        || precise.setScale(rounded.decimals(), RoundingMode.DOWN).compareTo(rounded.value()) == 0;
  }

  /** Names of coordinates: two lines such as x = 2 and y = 2 are not the same. */
  static final Set<String> COORDINATES = Set.of("x", "y", "z");
}
