package polyphony.activities.grading;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import polyphony.activities.grading.algebra.AnswerComparison;

/**
 * Reads and compares answers as the released code of arXiv 2501.05707 does, quirks included, so
 * that old numbers can be compared: the last {@code \boxed{…}} and nothing else, and the grader of
 * openai/prm800k (MIT), written anew. Where that asks sympy whether a difference is zero, this asks
 * {@link AnswerComparison#identical}.
 */
record ReleasedCodeGrader() implements Grader {
  private static final int MAX_LENGTH = 5_000;
  private static final String BOXED = "\\boxed{";

  private static final Pattern TEXT = Pattern.compile("^\\\\text\\{(.+?)\\}$");
  private static final List<Pattern> UNITS =
      List.of(
              "degree",
              "cm",
              "centimeter",
              "meter",
              "mile",
              "second",
              "minute",
              "hour",
              "day",
              "week",
              "month",
              "year",
              "foot",
              "feet",
              "inch",
              "yard")
          .stream()
          .map(unit -> Pattern.compile(unit + "(?:es)?s? *(?:\\^[0-9]+)?"))
          .toList();
  private static final Pattern CIRC = Pattern.compile("\\^ *\\\\circ");
  private static final Pattern THIN_COMMA = Pattern.compile(",\\\\! *");
  private static final Pattern MIXED = Pattern.compile("([0-9]) +([0-9])");
  private static final Pattern COMMA = Pattern.compile("([0-9]),([0-9]{3})($|[^0-9])");
  private static final Pattern FRACTION = Pattern.compile("^-?[0-9]+.?/0*[1-9][0-9]*.?$");
  private static final Pattern FLOAT =
      Pattern.compile("[-+]?(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[eE][-+]?[0-9]{1,6})?");
  private static final Pattern LARGE_POWER = Pattern.compile("\\^[0-9]+\\^|\\^[0-9][0-9]+");

  @Override
  public Optional<String> extract(String text) {
    int start = text.lastIndexOf("\\boxed");
    if (start < 0 || !text.startsWith(BOXED, start)) {
      return Optional.empty();
    }
    int depth = 0;
    for (int i = start; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return Optional.of(text.substring(start + BOXED.length(), i));
      }
    }
    return Optional.empty();
  }

  /** Not symmetric where only one of the two is an integer or in brackets: see the second one. */
  @Override
  public Verdict compare(String given, String truth) {
    if (given.length() > MAX_LENGTH || truth.length() > MAX_LENGTH) {
      return given.equals(truth) ? Verdict.EQUAL : Verdict.DIFFERENT;
    }
    return equal(given, truth) ? Verdict.EQUAL : Verdict.DIFFERENT;
  }

  private static boolean equal(String given, String truth) {
    if (stripped(truth).equals(stripped(given))) {
      return true;
    }
    String normalTruth = normal(truth);
    String normalGiven = normal(given);
    if (normalTruth.equals(normalGiven)) {
      return true;
    }
    if (normalGiven.isEmpty() || normalTruth.isEmpty()) {
      return false;
    }
    List<String> truths = elements(normalTruth);
    List<String> givens = elements(normalGiven);
    boolean otherBrackets =
        normalTruth.charAt(0) != normalGiven.charAt(0)
            || normalTruth.charAt(normalTruth.length() - 1)
                != normalGiven.charAt(normalGiven.length() - 1);
    if ((truths.size() > 1 && otherBrackets) || truths.size() != givens.size()) {
      return false;
    }
    for (int i = 0; i < truths.size(); i++) {
      if (!equalElements(truths.get(i), givens.get(i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean equalElements(String truth, String given) {
    if (FRACTION.matcher(truth).find() && FRACTION.matcher(given).find()) {
      return truth.equals(given); // fractions that are not reduced are wrong
    }
    if (integer(truth) != integer(given)) {
      return false; // where the truth is an integer, nothing that comes to it counts
    }
    String difference = "(" + truth + ")-(" + given + ")";
    String letters = difference.replace("sqrt", "").replace("frac", "");
    return letters.chars().filter(Character::isLetter).distinct().count() <= 2
        && !difference.contains("^{")
        && !difference.contains("^(")
        && !LARGE_POWER.matcher(difference).find()
        && AnswerComparison.identical(truth, given);
  }

  // ---- the stricter of its two normal forms, after hendrycks/math ----

  private static String stripped(String answer) {
    String text = answer.strip();
    Matcher matcher = TEXT.matcher(text);
    if (matcher.find()) {
      text = matcher.group(1).strip();
    }
    try {
      return strippedFurther(text);
    } catch (IllegalArgumentException e) {
      return text; // it gives up on what it cannot read
    }
  }

  private static String strippedFurther(String answer) {
    String text =
        answer
            .replace("\n", "")
            .replace("\\!", "")
            .replace("\\\\", "\\")
            .replace("tfrac", "frac")
            .replace("dfrac", "frac")
            .replace("\\left", "")
            .replace("\\right", "")
            .replace("^{\\circ}", "")
            .replace("^\\circ", "")
            .replace("\\$", "");
    int unit = text.indexOf("\\text{ ");
    if (unit >= 0) {
      if (text.indexOf("\\text{ ", unit + 1) >= 0) {
        throw new IllegalArgumentException("two units");
      }
      text = text.substring(0, unit);
    }
    text = text.replace("\\%", "").replace(" .", " 0.").replace("{.", "{0.");
    if (text.isEmpty()) {
      return text;
    }
    if (text.startsWith(".")) {
      text = "0" + text;
    }
    int equals = text.indexOf('=');
    if (equals >= 0 && equals == text.lastIndexOf('=') && equals <= 2) {
      text = text.substring(equals + 1);
    }
    text = bracedRoots(text).replace(" ", "");
    text = bracedFractions(text);
    if (text.equals("0.5")) {
      text = "\\frac{1}{2}";
    }
    Matcher plain = Pattern.compile("(-?[0-9]{1,18})/(-?[0-9]{1,18})").matcher(text);
    return plain.matches()
            && Long.toString(Long.parseLong(plain.group(1))).equals(plain.group(1))
            && Long.toString(Long.parseLong(plain.group(2))).equals(plain.group(2))
        ? "\\frac{" + plain.group(1) + "}{" + plain.group(2) + "}"
        : text;
  }

  private static String bracedRoots(String text) {
    String[] parts = text.split(Pattern.quote("\\sqrt"), -1);
    StringBuilder result = new StringBuilder(parts[0]);
    for (int i = 1; i < parts.length; i++) {
      if (parts[i].isEmpty()) {
        throw new IllegalArgumentException("a root of nothing");
      }
      result.append("\\sqrt");
      result.append(
          parts[i].startsWith("{")
              ? parts[i]
              : "{" + parts[i].charAt(0) + "}" + parts[i].substring(1));
    }
    return result.toString();
  }

  private static String bracedFractions(String text) {
    String[] parts = text.split(Pattern.quote("\\frac"), -1);
    StringBuilder result = new StringBuilder(parts[0]);
    for (int i = 1; i < parts.length; i++) {
      String part = parts[i];
      result.append("\\frac");
      if (part.isEmpty()) {
        throw new IllegalArgumentException("a fraction of nothing");
      } else if (part.startsWith("{")) {
        result.append(part);
      } else if (part.length() < 2) {
        return text;
      } else if (part.charAt(1) == '{') {
        result.append('{').append(part.charAt(0)).append('}').append(part.substring(1));
      } else {
        result.append('{').append(part.charAt(0)).append("}{").append(part.charAt(1)).append('}');
        result.append(part.substring(2));
      }
    }
    return result.toString();
  }

  // ---- the more forgiving one ----

  private static String normal(String answer) {
    String text = answer;
    Matcher matcher = TEXT.matcher(text);
    if (matcher.find()) {
      text = matcher.group(1);
    }
    text =
        text.replace("\\%", "%")
            .replace("\\$", "$")
            .replace("$", "")
            .replace("%", "")
            .replace(" or ", " , ")
            .replace(" and ", " , ")
            .replace("million", "*10^6")
            .replace("billion", "*10^9")
            .replace("trillion", "*10^12");
    for (Pattern unit : UNITS) {
      text = unit.matcher(text).replaceAll("");
    }
    text = CIRC.matcher(text).replaceAll("");
    if (text.length() > 1 && text.startsWith("{") && text.endsWith("}")) {
      text = text.substring(1, text.length() - 1);
    }
    text = THIN_COMMA.matcher(text).replaceAll("");
    Optional<Double> number = pythonFloat(text);
    if (number.isPresent() && whole(number.get())) {
      text = wholeText(number.get());
    }
    if (text.contains("\\")) {
      text = plainText(text);
    }
    text = text.replaceAll("- *", "-");
    text = MIXED.matcher(text).replaceAll("$1+$2");
    text = text.replace(" ", "").replace("{", "").replace("}", "").toLowerCase(Locale.ROOT);
    if (integer(text)) {
      text = wholeText(pythonFloat(text.replace(",", "")).orElse(0.0));
    }
    return text;
  }

  /** As pylatexenc's conversion to text does it with what occurs in answers. */
  private static String plainText(String latex) {
    String text =
        latex
            .replace("\\tfrac", "\\frac")
            .replace("\\dfrac", "\\frac")
            .replace("\\frac", " \\frac");
    StringBuilder plain = new StringBuilder();
    convert(text, new int[] {0}, plain, 0);
    return plain
        .toString()
        .replace("√", "sqrt")
        .replace("π", "pi")
        .replace("∞", "inf")
        .replace("∪", "U")
        .replace("·", "*")
        .replace("×", "*")
        .strip();
  }

  private static void convert(String text, int[] at, StringBuilder out, int depth) {
    while (at[0] < text.length()) {
      char c = text.charAt(at[0]);
      if (c == '}' && depth > 0) {
        return;
      } else if (c == '{' && depth < 100) {
        out.append(group(text, at, depth));
      } else if (c == '\\') {
        out.append(macro(text, at, depth));
      } else {
        out.append(c);
        at[0]++;
      }
    }
  }

  private static String group(String text, int[] at, int depth) {
    at[0]++;
    StringBuilder inner = new StringBuilder();
    convert(text, at, inner, depth + 1);
    at[0]++;
    return inner.toString();
  }

  private static String macro(String text, int[] at, int depth) {
    int end = at[0] + 1;
    while (end < text.length() && text.charAt(end) < 128 && Character.isLetter(text.charAt(end))) {
      end++;
    }
    if (end == at[0] + 1) {
      String escaped = end < text.length() ? text.substring(end, end + 1) : "";
      at[0] = Math.min(text.length(), end + 1);
      return switch (escaped) {
        case "{", "}", "%", "$", "&", "#", "_" -> escaped;
        case ",", ";", ":", " " -> " ";
        default -> "";
      };
    }
    String name = text.substring(at[0] + 1, end);
    while (end < text.length() && text.charAt(end) == ' ') {
      end++;
    }
    at[0] = end;
    return switch (name) {
      case "frac" -> argument(text, at, depth) + "/" + argument(text, at, depth);
      case "sqrt" -> "√(" + argument(text, at, depth) + ")";
      case "pi" -> "π";
      case "infty" -> "∞";
      case "cup" -> "∪";
      case "cdot" -> "·";
      case "times" -> "×";
      case "pm" -> "±";
      case "le", "leq" -> "≤";
      case "ge", "geq" -> "≥";
      case "theta" -> "θ";
      case "alpha" -> "α";
      default -> "";
    };
  }

  private static String argument(String text, int[] at, int depth) {
    while (at[0] < text.length() && text.charAt(at[0]) == ' ') {
      at[0]++;
    }
    if (at[0] >= text.length()) {
      return "";
    }
    char c = text.charAt(at[0]);
    if (depth < 100 && c == '{') {
      return group(text, at, depth);
    } else if (depth < 100 && c == '\\') {
      return macro(text, at, depth + 1);
    }
    at[0]++;
    return String.valueOf(c);
  }

  private static List<String> elements(String text) {
    String plain = withoutCommas(text);
    boolean bracketed =
        plain.length() > 2
            && "()[]".indexOf(plain.charAt(0)) >= 0
            && "()[]".indexOf(plain.charAt(plain.length() - 1)) >= 0
            && plain
                .substring(1, plain.length() - 1)
                .chars()
                .noneMatch(c -> "()[]".indexOf(c) >= 0);
    if (!bracketed) {
      return List.of(plain);
    }
    List<String> elements = new ArrayList<>();
    for (String each : plain.substring(1, plain.length() - 1).split(",", -1)) {
      elements.add(each.strip());
    }
    return elements;
  }

  private static String withoutCommas(String text) {
    String before;
    String after = text;
    do {
      before = after;
      after = COMMA.matcher(before).replaceAll("$1$2$3");
    } while (!after.equals(before));
    return after;
  }

  private static boolean integer(String text) {
    return pythonFloat(withoutCommas(text)).filter(ReleasedCodeGrader::whole).isPresent();
  }

  private static boolean whole(double value) {
    return Double.isFinite(value) && Math.abs(value - Math.rint(value)) <= 1e-7;
  }

  private static String wholeText(double value) {
    return new java.math.BigDecimal(Math.rint(value)).toBigInteger().toString();
  }

  /** What Python's float accepts, underscores between digits included: 100_8 is 1008 to it. */
  private static Optional<Double> pythonFloat(String text) {
    String bare = text.strip().replaceAll("(?<=[0-9])_(?=[0-9])", "");
    return FLOAT.matcher(bare).matches() ? Optional.of(Double.valueOf(bare)) : Optional.empty();
  }
}
