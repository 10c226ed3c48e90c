package polyphony.activities.grading;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import polyphony.activities.grading.algebra.AnswerComparison;

/** What a text without a box states as its answer. */
final class Prose {
  /** Answers stand at the end: of a longer text only this much is searched. */
  private static final int TAIL = 20_000;

  private static final int LONGEST_STATEMENT = 400;

  private static final Pattern END_OF_TURN =
      Pattern.compile("<\\|(?:im_start|im_end|eot_id|endoftext|end|user)\\|>|</s>");
  private static final Pattern HASHES = Pattern.compile("####[ \\t]*+([^\\n]++)");
  private static final Pattern FINAL =
      Pattern.compile(
          "(?i)\\b(?:the )?final answer(?: to [^.\\n]{1,60})?(?:\\s*\\*\\*)?\\s*(?:is|:)(?:\\s*\\*\\*)?+");
  private static final Pattern MARKER =
      Pattern.compile(
          "(?im)(?:\\b(?:answer|result|solution)s?(?: to [^.\\n]{1,60})?(?:\\s*\\*\\*)?\\s*+"
              + "(?:is|are|was|would be|will be|should be|equals|must be|:|=)(?:\\s*\\*\\*)?+"
              + "|^[ \\t]*+A[ \\t]*+:"
              + "|r[ée]ponse(?: finale)?\\s*+(?:est|:)|respuesta\\s*+(?:es|:)|risposta\\s*+(?:è|:)|resposta(?: final)?\\s*+(?:é|:)|odpov[eě]ď\\s*+(?:je|:)"
              + "|odpowiedź\\s*+(?:to|:)|svar(?:et)?\\s*+(?:är|er|:)|cevap\\s*+:|jawaban(?:nya)?\\s*+(?:adalah|:)"
              + "|đáp án\\s*+(?:là|:)|정답(?:은)?\\s*+[:：]?|उत्तर\\s*+(?:है)?\\s*+:?|คำตอบ(?:คือ)?\\s*+:?"
              + "|antwort\\s*+(?:ist|lautet|:)|ответ\\s*+:?"
              + "|答案(?:是|为|為)?\\s*+[:：]?|答え(?:は)?\\s*+[:：]?|回答\\s*+[:：]|الإجابة(?: هي)?\\s*+:?)");
  private static final Pattern BOLD = Pattern.compile("\\*\\*([^*\\n]{1,60}+)\\*\\*");
  private static final Pattern SENTENCE_END = Pattern.compile("[.!?](?=\\s|$|\\*\\*)|。|\\n|<\\|");
  private static final Pattern ENVIRONMENT =
      Pattern.compile(
          "\\$\\$([^$]{1,800}+)\\$\\$|\\$((?:[^$\\\\\\n]|\\\\.){1,400}+)\\$"
              + "|\\\\\\(((?:[^\\\\]|\\\\(?!\\))){1,800}+)\\\\\\)"
              + "|\\\\\\[((?:[^\\\\]|\\\\(?!\\])){1,800}+)\\\\\\]",
          Pattern.DOTALL);
  private static final Pattern TEXT_COMMAND =
      Pattern.compile("\\\\(?:text|textbf|mbox|textnormal|mathrm|operatorname)\\s*+\\{[^{}]*+\\}");
  private static final Pattern ENVIRONMENT_NAME =
      Pattern.compile("\\\\(?:begin|end)\\s*+\\{[^{}]*+\\}");
  private static final Pattern COMMAND = Pattern.compile("\\\\[A-Za-z]++");
  private static final Pattern WORD = Pattern.compile("\\p{L}{2,}+");
  private static final Pattern FOREIGN =
      Pattern.compile("[\\p{IsHan}\\p{IsHiragana}\\p{IsArabic}\\p{IsCyrillic}]");

  /** What says something: a name alone, such as f(n), is no answer. */
  private static final Pattern STATING =
      Pattern.compile(
          "[0-9=+/^<>{-]|\\\\(?:frac|sqrt|pi|infty|text|mathrm|mbox|leq?|geq?|neq?)(?![A-Za-z])");

  private static final Pattern SPACED_NUMBER =
      Pattern.compile("[$€£]?+[0-9]{1,3}+(?: [0-9]{3})++(?![0-9])[^0-9=]*+");
  private static final Set<String> NO_PROSE =
      Set.of(
          "and",
          "or",
          "sin",
          "cos",
          "tan",
          "sec",
          "csc",
          "cot",
          "log",
          "ln",
          "exp",
          "sqrt",
          "pi",
          "percent",
          "pct",
          "percentage",
          "degrees",
          "degree",
          "dollars",
          "cents",
          "cm",
          "mm",
          "km",
          "ft",
          "kg",
          "mod",
          "infinity",
          "inf",
          "arctan",
          "arcsin",
          "arccos",
          "max",
          "min");

  private Prose() {}

  /** The text up to where another turn of a conversation would begin, and only its end. */
  static String ownTurn(String text) {
    String tail = text.length() > TAIL ? text.substring(text.length() - TAIL) : text;
    Matcher matcher = END_OF_TURN.matcher(tail);
    return matcher.find() && !tail.substring(0, matcher.start()).isBlank()
        ? tail.substring(0, matcher.start())
        : tail;
  }

  /** Whether it is not an answer alone, but says something about one. */
  static boolean is(String text) {
    String bare = ENVIRONMENT.matcher(text).replaceAll(" ");
    bare = TEXT_COMMAND.matcher(bare).replaceAll(" ");
    bare = ENVIRONMENT_NAME.matcher(bare).replaceAll(" ");
    bare = COMMAND.matcher(bare).replaceAll(" ");
    if (FOREIGN.matcher(bare).find()) {
      return true;
    }
    long words =
        WORD.matcher(bare)
            .results()
            .map(each -> each.group().toLowerCase(Locale.ROOT))
            .filter(each -> !NO_PROSE.contains(each))
            .count();
    return words >= 2 || bare.toLowerCase(Locale.ROOT).contains("answer");
  }

  /** What is said to be the final answer after {@code from}. */
  static Optional<String> finalAnswer(String text, int from, boolean numbers) {
    return after(FINAL, text, from, numbers);
  }

  /** GSM8K's last line. */
  static Optional<String> afterHashes(String text) {
    Matcher matcher = HASHES.matcher(text);
    String found = null;
    while (matcher.find()) {
      found = matcher.group(1).strip();
    }
    return Optional.ofNullable(found).filter(each -> !each.isEmpty());
  }

  /** What is said to be the answer. */
  static Optional<String> afterMarker(String text, boolean numbers) {
    return after(MARKER, text, 0, numbers);
  }

  private static Optional<String> after(Pattern marker, String text, int from, boolean numbers) {
    List<Integer> ends = new ArrayList<>();
    Matcher matcher = marker.matcher(text);
    matcher.region(Math.min(from, text.length()), text.length());
    while (matcher.find()) {
      ends.add(matcher.end());
    }
    for (int i = ends.size() - 1; i >= Math.max(0, ends.size() - 10); i--) {
      Optional<String> stated = stated(statement(text, ends.get(i)), numbers);
      if (stated.isPresent()) {
        return stated;
      }
    }
    return Optional.empty();
  }

  /** The rest of the sentence, or of the next one that is not empty. */
  private static String statement(String text, int from) {
    int start = from;
    while (start < text.length()
        && (Character.isWhitespace(text.charAt(start))
            || ":：*\"".indexOf(text.charAt(start)) >= 0)) {
      start++;
    }
    int limit = Math.min(text.length(), start + LONGEST_STATEMENT);
    int math = start;
    // A full stop within mathematics ends nothing.
    Matcher end = SENTENCE_END.matcher(text).region(start, limit);
    while (end.find()) {
      String soFar = text.substring(start, end.start());
      long dollars = soFar.chars().filter(each -> each == '$').count();
      boolean open =
          (dollars % 2 == 1
                  && text.indexOf('$', end.start()) > 0
                  && !text.substring(start, limit).matches("(?s)\\$[0-9][0-9,.]*\\s.*"))
              || count(soFar, "\\(") > count(soFar, "\\)")
              || count(soFar, "\\[") > count(soFar, "\\]");
      if (!open) {
        return soFar;
      }
      math = end.end();
    }
    return text.substring(start, Math.max(math, limit));
  }

  private static int count(String text, String part) {
    int count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 2)) {
      count++;
    }
    return count;
  }

  /** The answer in a sentence that states one. */
  private static Optional<String> stated(String sentence, boolean numbers) {
    String bare = sentence.replace("**", "").strip();
    if (bare.isEmpty()) {
      return Optional.empty();
    }
    if (numbers) {
      if (SPACED_NUMBER.matcher(bare).matches()) {
        return Numbers.first(bare.replaceAll("(?<=[0-9]) (?=[0-9])", ""));
      }
      int equals = bare.lastIndexOf('=');
      Optional<String> computed =
          equals < 0 ? Optional.empty() : Numbers.first(bare.substring(equals + 1));
      return computed.isPresent() ? computed : Numbers.first(bare);
    }
    String unquoted = bare.replaceAll("^\\\\?\"|\\\\?\"$", "");
    if (!is(unquoted) && AnswerComparison.readable(unquoted)) {
      return Optional.of(unquoted);
    }
    Optional<String> math = lastEnvironment(bare).map(Found::text);
    if (math.isPresent()) {
      return math;
    }
    int equals = bare.lastIndexOf('=');
    Optional<String> computed =
        equals < 0 ? Optional.empty() : Numbers.first(bare.substring(equals + 1));
    return computed.isPresent() ? computed : Numbers.first(bare);
  }

  private record Found(String text, int at) {}

  /** The last mathematics that can be an answer. */
  private static Optional<Found> lastEnvironment(String text) {
    Found last = null;
    Matcher matcher = ENVIRONMENT.matcher(text);
    int from = 0;
    while (from <= text.length() && matcher.find(from)) {
      String content = null;
      for (int group = 1; group <= 4 && content == null; group++) {
        content = matcher.group(group);
      }
      if (is(content) || !STATING.matcher(content).find() || !AnswerComparison.readable(content)) {
        // Prices and the like: the second sign may begin what is meant.
        from = matcher.group(2) == null ? matcher.end() : matcher.end() - 1;
        continue;
      }
      last = new Found(content.strip(), matcher.start());
      from = matcher.end();
    }
    return Optional.ofNullable(last);
  }

  /** The last thing that can be an answer, in a text that says of nothing that it is one. */
  static Optional<String> last(String text, boolean numbers) {
    if (numbers) {
      Optional<String> bold = lastBold(text).flatMap(Numbers::last);
      return bold.isPresent() ? bold : Numbers.last(text);
    }
    int number = Numbers.lastAt(text);
    Optional<Found> math = lastEnvironment(text);
    if (math.isPresent() && math.get().at() + math.get().text().length() + 4 >= number) {
      return Optional.of(math.get().text());
    }
    Optional<String> bold = lastBold(text);
    if (bold.isPresent() && AnswerComparison.readable(bold.get())) {
      return is(bold.get()) ? Numbers.last(bold.get()) : bold;
    }
    return Numbers.last(text);
  }

  /** The last bold words with a number in them that are no heading. */
  private static Optional<String> lastBold(String text) {
    String last = null;
    Matcher matcher = BOLD.matcher(text);
    while (matcher.find()) {
      String content = matcher.group(1).strip();
      char next = matcher.end() < text.length() ? text.charAt(matcher.end()) : ' ';
      if (!content.endsWith(":")
          && next != ':'
          && Numbers.one(content)
          && !content.matches("(?i)(?:step|part|case)\\b.*|[0-9]+[.)].*")) {
        last = content;
      }
    }
    return Optional.ofNullable(last);
  }
}
