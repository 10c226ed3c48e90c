package polyphony.activities.tasks;

import java.math.BigInteger;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the integer that a text gives as its final answer. */
final class FinalInteger {
  /** A longer number is no answer: texts come from models, and time spent on one is bounded. */
  private static final int MAX_DIGITS = 200;

  /** Only this much of a boxed or marked answer is looked at. */
  private static final int MAX_CHARACTERS = 1_000;

  // Possessive throughout, so that a hostile text cannot make the matcher go back.
  private static final Pattern INTEGER =
      Pattern.compile(
          "\\s*+\\$?+\\s*+(?<sign>[-+\u2212]?+)\\s*+\\$?+"
              + "(?<digits>[0-9]{1,3}+(?:(?:,|\\{,\\}|\\\\,)[0-9]{3}+)++(?![0-9])|[0-9]++)"
              + "(?:\\.0++(?![0-9]))?+\\s*+\\.?+\\s*+\\$?+\\s*+\\.?+\\s*+");

  private FinalInteger() {}

  /**
   * What the last complete {@code \boxed{…}} holds; in a text without one, what follows the last
   * {@code #} on its line. Of an equation the right-hand side counts. Takes time proportional to
   * the text's length.
   *
   * @return in canonical form (no plus sign, no separators, no leading zeros); empty where what
   *     stands there is no integer
   */
  static Optional<String> in(String text) {
    String stated = lastBoxed(text);
    if (stated == null) {
      int mark = text.lastIndexOf('#');
      if (mark < 0) {
        return Optional.empty();
      }
      int end = text.indexOf('\n', mark);
      stated = text.substring(mark + 1, end < 0 ? text.length() : end);
    }
    if (stated.length() > MAX_CHARACTERS) {
      return Optional.empty();
    }
    return canonical(stated.substring(stated.lastIndexOf('=') + 1));
  }

  /** The integer that {@code text} is as a whole, in canonical form. */
  static Optional<String> canonical(String text) {
    if (text.length() > MAX_CHARACTERS) {
      return Optional.empty();
    }
    Matcher matcher = INTEGER.matcher(text);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    String digits = matcher.group("digits").replaceAll("[^0-9]", "");
    if (digits.length() > MAX_DIGITS) {
      return Optional.empty();
    }
    BigInteger value = new BigInteger(digits);
    String sign = matcher.group("sign");
    return Optional.of((sign.isEmpty() || sign.equals("+") ? value : value.negate()).toString());
  }

  /** Content of the complete {@code \boxed{…}} that starts last; null where there is none. */
  private static String lastBoxed(String text) {
    // One pass with a stack of open braces: trying each \boxed in turn would be quadratic.
    int[] open = new int[16];
    int depth = 0;
    int from = -1;
    int to = -1;
    int i = 0;
    while (i < text.length()) {
      char c = text.charAt(i);
      boolean boxed = false;
      if (c == '\\') {
        int brace = text.startsWith("boxed", i + 1) ? skipSpaces(text, i + 6) : -1;
        if (brace >= 0 && brace < text.length() && text.charAt(brace) == '{') {
          i = brace;
          c = '{';
          boxed = true;
        } else if (i + 1 < text.length() && "{}".indexOf(text.charAt(i + 1)) >= 0) {
          i += 2; // an escaped brace is text
          continue;
        }
      }
      if (c == '{') {
        if (depth == open.length) {
          open = java.util.Arrays.copyOf(open, 2 * depth);
        }
        open[depth++] = boxed ? i + 1 : -1;
      } else if (c == '}' && depth > 0) {
        int start = open[--depth];
        if (start > from) {
          from = start;
          to = i;
        }
      }
      i++;
    }
    return from < 0 ? null : text.substring(from, to);
  }

  private static int skipSpaces(String text, int from) {
    int i = from;
    while (i < text.length() && text.charAt(i) == ' ') {
      i++;
    }
    return i;
  }
}
