package polyphony.activities.grading;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Multiple-choice questions: the answer is a letter from A to J. */
record ChoiceGrader() implements Grader {
  private static final String LETTER = "(?<letter>[A-J])";

  /** What may stand around a letter: brackets, bold, LaTeX. */
  private static final String OPEN =
      "(?:\\\\(?:text|textbf|mathrm|mathbf|boxed) ?+\\{|[\\s(\\[{*_$\"'`:：]|\\\\\\(|\\(X\\)){0,12}+";

  private static final String CLOSE =
      "(?![A-Za-z0-9'’])(?!\\)?\\s+(?:is|are|was)(?:n['’]t| not| wrong| incorrect| false))";

  private static final Pattern STATED =
      Pattern.compile(
          "(?:(?i:answer|choice|option|correct|conclusion|select|choose|pick|réponse|respuesta|risposta"
              + "|antwort|resposta|opção|odpověď|odpowiedź|svar|svaret|cevap|jawaban|opción|opzione|ответ|вариант|đáp án)s?|答案|答え|정답|उत्तर|คำตอบ|الجواب|选项|選項|选择|選擇|正确|الإجابة)"
              + "(?:\\s{0,4}+(?i:is|are|was|would be|must be|should be|indeed|therefore|thus|most likely|clearly"
              + "|option|choice|answer|letter|the|correct|je|to|är|er|adalah|là|é|best|one|est|es|è|e|ist|lautet|la|l'option|der"
              + "|die|das|to be)\\b|[是为為應应该該選选项項择擇هي]){0,8}+"
              + OPEN
              + LETTER
              + CLOSE);
  private static final Pattern AT_START =
      Pattern.compile("^\\s*+" + OPEN + LETTER + "(?:\\s*+$|[).:,、。\\]}*_$\\n]|\\s*+[-–]\\s)");
  private static final Pattern ALONE_ON_LINE =
      Pattern.compile("(?m)^[ \\t]*+" + OPEN + LETTER + "[).\\]}*_$.\\s]*+$");
  private static final Pattern IN_BRACKETS = Pattern.compile("\\(" + LETTER + "\\)");
  private static final Pattern MARKED =
      Pattern.compile(
          "\\(X\\)\\s*+" + LETTER + "\\b|\\*\\*\\(?" + LETTER.replace("letter", "bold") + "[).:]?");
  private static final Pattern AT_END =
      Pattern.compile("(?<![A-Za-z0-9'’\\-])" + LETTER + "[)\\]}*_$.。!\"'\\s]*+$");
  private static final Pattern ANYWHERE =
      Pattern.compile("(?<![A-Za-z0-9'’\\-])" + LETTER + "(?![A-Za-z0-9'’\\-])(?!\\s+[a-z])");
  private static final Pattern FIRST_WORD = Pattern.compile("^\\s*+" + LETTER + "\\s");

  @Override
  public Optional<String> extract(String text) {
    String own = Prose.ownTurn(text);
    if (own.strip().length() == 1) {
      return Optional.of(own.strip().toUpperCase(Locale.ROOT))
          .filter(each -> each.matches("[A-J]"));
    }
    Optional<String> boxed = Boxes.last(own).flatMap(ChoiceGrader::letterAlone);
    return boxed
        .or(() -> last(STATED, own))
        .or(() -> first(AT_START, own))
        .or(() -> lastMarked(own))
        .or(() -> last(ALONE_ON_LINE, own))
        .or(() -> last(IN_BRACKETS, own))
        .or(() -> first(AT_END, own))
        .or(() -> last(ANYWHERE, own))
        .or(() -> first(FIRST_WORD, own));
  }

  @Override
  public Optional<String> read(String answer) {
    String stripped = answer.strip();
    if (stripped.length() == 1) {
      return Optional.of(stripped.toUpperCase(Locale.ROOT));
    }
    return extract(answer).or(() -> Optional.of(stripped).filter(each -> !each.isEmpty()));
  }

  @Override
  public Verdict compare(String one, String other) {
    return one.strip().equalsIgnoreCase(other.strip()) ? Verdict.EQUAL : Verdict.DIFFERENT;
  }

  /** The letter of {@code \text{(C)}}, {@code C. Cecile} or {@code c}. */
  private static Optional<String> letterAlone(String content) {
    String bare = content.replaceAll("\\\\[a-zA-Z]++|[\\s(){}\\[\\]*$.:]++", " ").strip();
    if (bare.length() == 1 && bare.matches("[A-Ja-j]")) {
      return Optional.of(bare.toUpperCase(Locale.ROOT));
    }
    return first(AT_START, content).or(() -> last(IN_BRACKETS, content));
  }

  private static Optional<String> first(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? Optional.of(matcher.group("letter")) : Optional.empty();
  }

  private static Optional<String> last(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    String letter = null;
    while (matcher.find()) {
      letter = matcher.group("letter");
    }
    return Optional.ofNullable(letter);
  }

  private static Optional<String> lastMarked(String text) {
    Matcher matcher = MARKED.matcher(text);
    String letter = null;
    while (matcher.find()) {
      char next = matcher.end() < text.length() ? text.charAt(matcher.end()) : ' ';
      if (!Character.isLetterOrDigit(next)) {
        letter = matcher.group("letter") == null ? matcher.group("bold") : matcher.group("letter");
      }
    }
    return Optional.ofNullable(letter);
  }
}
