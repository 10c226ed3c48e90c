package polyphony.activities.grading.algebra;

import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** An answer's characters in one spelling: LaTeX without what is only for the eye. */
final class Source {
  private static final Pattern DOUBLED = Pattern.compile("\\\\\\\\(?=[A-Za-z{}()\\[\\],;!%$])");
  private static final Pattern SINGLE = Pattern.compile("(?<!\\\\)\\\\[A-Za-z]");
  private static final Pattern SIZES =
      Pattern.compile(
          "\\\\(?:left|right|middle|bigl|bigr|Bigl|Bigr|biggl|biggr|Biggl|Biggr|big|Big|bigg|Bigg"
              + "|displaystyle|textstyle|limits|nolimits|boxed|fbox|ensuremath)(?![A-Za-z])\\s*+\\.?+");
  private static final Pattern DELIMITERS = Pattern.compile("(?<!\\\\)\\\\[()\\[\\]]|\\\\?\\$");
  private static final Pattern SPACES =
      Pattern.compile("(?<!\\\\)\\\\[,;: >]|~|(?<!\\\\)\\\\(?=\\s)");
  private static final Pattern THIN = Pattern.compile("(?<=,)\\s?+\\\\!\\s?+|(?<!\\\\)\\\\!");
  private static final Pattern SPACED_THOUSANDS =
      Pattern.compile("(?<![0-9.,])([0-9]{1,3}(?: [0-9]{3})++)(?![0-9])");
  private static final Pattern CURRENCY = Pattern.compile("[€£¥₹]");
  private static final Pattern TEMPERATURE =
      Pattern.compile(
          "(?:\\^\\s*+)?+(?:\\{\\s*+\\\\circ\\s*+\\}|\\\\circ)\\s*+"
              + "(?:\\\\(?:text|textrm|mathrm|rm)\\s*+\\{\\s*+([CF])\\s*+\\}|([CF])(?![A-Za-z]))"
              + "|\\\\text\\s*+\\{\\s*+degrees? (C|F)(?:elsius|ahrenheit)?+\\s*+\\}");
  private static final Pattern NOTHING =
      Pattern.compile(
          "\\s*+(?:\\\\text\\s*+\\{)?+\\s*+(?:there (?:is|are) )?no (?:real )?solutions?+(?: exists?+)?+[\\s.]*+\\}?+[\\s.]*+",
          Pattern.CASE_INSENSITIVE);
  private static final Map<String, String> CHARACTERS =
      Map.ofEntries(
          Map.entry("−", "-"),
          Map.entry("–", "-"),
          Map.entry("—", "-"),
          Map.entry("×", "\\times "),
          Map.entry("·", "\\cdot "),
          Map.entry("⋅", "\\cdot "),
          Map.entry("∗", "*"),
          Map.entry("÷", "/"),
          Map.entry("√", "\\sqrt "),
          Map.entry("π", "\\pi "),
          Map.entry("θ", "\\theta "),
          Map.entry("α", "\\alpha "),
          Map.entry("β", "\\beta "),
          Map.entry("∞", "\\infty "),
          Map.entry("≤", "\\leq "),
          Map.entry("⩽", "\\leq "),
          Map.entry("≥", "\\geq "),
          Map.entry("⩾", "\\geq "),
          Map.entry("≠", "\\neq "),
          Map.entry("≈", "\\approx "),
          Map.entry("∪", "\\cup "),
          Map.entry("∩", "\\cap "),
          Map.entry("∈", "\\in "),
          Map.entry("∅", "\\emptyset "),
          Map.entry("±", "\\pm "),
          Map.entry("∓", "\\mp "),
          Map.entry("°", "^\\circ "),
          Map.entry("²", "^{2}"),
          Map.entry("³", "^{3}"),
          Map.entry("½", "\\frac{1}{2}"),
          Map.entry("¼", "\\frac{1}{4}"),
          Map.entry("¾", "\\frac{3}{4}"),
          Map.entry("⟨", "\\langle "),
          Map.entry("⟩", "\\rangle "),
          Map.entry("（", "("),
          Map.entry("）", ")"),
          Map.entry("，", ", "),
          Map.entry("％", "%"),
          Map.entry("\u00a0", " "),
          Map.entry("\u2009", " "),
          Map.entry("\u202f", " "));
  private static final Pattern CHARACTER =
      Pattern.compile(
          CHARACTERS.keySet().stream()
              .map(Pattern::quote)
              .reduce((one, other) -> one + "|" + other)
              .orElseThrow());

  private Source() {}

  /** Takes time proportional to the length. */
  static String clean(String answer) {
    String text = answer;
    if (DOUBLED.matcher(text).find() && !SINGLE.matcher(text).find()) {
      text = DOUBLED.matcher(text).replaceAll("\\\\");
    }
    text =
        CHARACTER
            .matcher(text)
            .replaceAll(match -> Matcher.quoteReplacement(CHARACTERS.get(match.group())));
    text = SIZES.matcher(text).replaceAll("");
    text = DELIMITERS.matcher(text).replaceAll(" ");
    text = CURRENCY.matcher(text).replaceAll("");
    text = THIN.matcher(text).replaceAll("");
    text = SPACES.matcher(text).replaceAll(" ");
    text = text.replace("{,}", ",").replace("\\%", "%").replace("**", "^").replace("\\#", " ");
    text = TEMPERATURE.matcher(text).replaceAll(Source::temperature);
    if (NOTHING.matcher(text).matches()) {
      return "\\emptyset";
    }
    text = SPACED_THOUSANDS.matcher(text).replaceAll(match -> match.group(1).replace(" ", ""));
    return trimmed(text);
  }

  /** Celsius and Fahrenheit are units, not angles. */
  private static String temperature(MatchResult match) {
    boolean celsius =
        IntStream.rangeClosed(1, 3).mapToObj(match::group).anyMatch(each -> "C".equals(each));
    return Matcher.quoteReplacement("\\text{ " + (celsius ? "celsius" : "fahrenheit") + "}");
  }

  /** Without what ends a sentence. */
  private static String trimmed(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && Character.isWhitespace(text.charAt(from))) {
      from++;
    }
    while (to > from
        && (Character.isWhitespace(text.charAt(to - 1))
            || ".,;:。，、".indexOf(text.charAt(to - 1)) >= 0
            || (text.charAt(to - 1) == '\\'))) {
      to--;
    }
    return text.substring(from, to);
  }
}
