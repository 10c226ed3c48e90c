package polyphony.activities.grading.algebra;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Cuts a cleaned answer into tokens. */
final class Lexer {
  static final Set<String> FUNCTIONS =
      Set.of(
          "sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "arcsin", "arccos",
          "arctan", "asin", "acos", "atan", "exp", "ln", "log", "lg", "max", "min", "gcd", "lcm",
          "det", "abs", "floor", "ceil", "sqrt");

  /** Commands whose argument is read as text. */
  private static final Set<String> TEXT =
      Set.of(
          "text",
          "textbf",
          "textit",
          "textrm",
          "textnormal",
          "textsf",
          "texttt",
          "textup",
          "mbox",
          "hbox",
          "mathrm",
          "mathsf",
          "mathtt",
          "operatorname",
          "emph");

  /** Commands that change how their argument looks. */
  private static final Set<String> LOOKS =
      Set.of(
          "mathbf",
          "boldsymbol",
          "bm",
          "vec",
          "overrightarrow",
          "widehat",
          "hat",
          "mathit",
          "mathcal",
          "underline",
          "bf",
          "rm",
          "it",
          "mathbb",
          "mathop",
          "mathbin",
          "mathrel",
          "tiny",
          "small",
          "large",
          "Large",
          "quad",
          "qquad",
          "space",
          "hfill",
          "enspace",
          "thinspace",
          "nobreakspace",
          "phantom",
          "cal",
          "scriptstyle",
          "nonumber",
          "strut",
          "triangle");

  private static final Map<String, String> SYNONYMS =
      Map.ofEntries(
          Map.entry("dfrac", "frac"),
          Map.entry("tfrac", "frac"),
          Map.entry("cfrac", "frac"),
          Map.entry("dbinom", "binom"),
          Map.entry("tbinom", "binom"),
          Map.entry("le", "leq"),
          Map.entry("leqslant", "leq"),
          Map.entry("ge", "geq"),
          Map.entry("geqslant", "geq"),
          Map.entry("ne", "neq"),
          Map.entry("gt", ">"),
          Map.entry("lt", "<"),
          Map.entry("ast", "*"),
          Map.entry("div", "/"),
          Map.entry("degree", "circ"),
          Map.entry("varnothing", "emptyset"),
          Map.entry("inf", "infty"),
          Map.entry("infinity", "infty"),
          Map.entry("oo", "infty"),
          Map.entry("vert", "|"),
          Map.entry("lvert", "|"),
          Map.entry("rvert", "|"),
          Map.entry("lbrace", "\\{"),
          Map.entry("rbrace", "\\}"),
          Map.entry("lbrack", "["),
          Map.entry("rbrack", "]"),
          Map.entry("asin", "arcsin"),
          Map.entry("acos", "arccos"),
          Map.entry("atan", "arctan"),
          Map.entry("varphi", "phi"),
          Map.entry("varepsilon", "epsilon"),
          Map.entry("land", "and"),
          Map.entry("lor", "or"),
          Map.entry("wedge", "and"),
          Map.entry("vee", "or"),
          Map.entry("backslash", "setminus"),
          Map.entry("simeq", "approx"),
          Map.entry("cong", "approx"),
          Map.entry("sim", "approx"),
          Map.entry("equiv", "="),
          Map.entry("choose", "choose"));

  /** Commands that may be written without a space before a letter that follows. */
  private static final List<String> PREFIXES =
      List.of("qquad", "quad", "cdot", "times", "pi", "leq", "geq", "neq", "infty", "pm", "cup");

  private static final Map<String, Long> SCALES =
      Map.of(
          "hundred", 100L,
          "thousand", 1_000L,
          "million", 1_000_000L,
          "billion", 1_000_000_000L,
          "trillion", 1_000_000_000_000L);

  private static final Set<String> PERCENT =
      Set.of("percent", "pct", "percentage", "percents", "percentages");
  private static final Set<String> DEGREES = Set.of("degree", "degrees", "deg", "degs");

  private static final Pattern NUMBER =
      Pattern.compile(
          "(?:[0-9]++(?:\\.[0-9]*+)?+|\\.[0-9]++)(?:[eE][-+]?+[0-9]{1,4}+(?![0-9A-Za-z.]))?+");
  private static final Pattern NAME = Pattern.compile("[A-Za-z]++");
  private static final Pattern SPLIT = Pattern.compile("(or|and)(?=[A-Z])");

  private final String text;
  private final Work work;
  private final List<Token> tokens = new ArrayList<>();
  private final boolean latex;
  private int at;
  private boolean spaced;

  private Lexer(String text, Work work) {
    this.text = text;
    this.work = work;
    this.latex = text.indexOf('\\') >= 0;
  }

  /**
   * @param text cleaned
   * @throws Work.Undecidable where there are too many tokens
   */
  static List<Token> tokens(String text, Work work) {
    Lexer lexer = new Lexer(text, work);
    lexer.run(0);
    return lexer.tokens;
  }

  private void run(int depth) {
    if (depth > 8) {
      throw new Work.Undecidable("text in text");
    }
    while (at < text.length()) {
      work.spend(1);
      char c = text.charAt(at);
      if (Character.isWhitespace(c)) {
        spaced = true;
        at++;
      } else if (c == '\\') {
        command(depth);
      } else if (Character.isDigit(c) || (c == '.' && digitAt(at + 1))) {
        number();
      } else if (Character.isLetter(c)) {
        letters();
      } else if (c == '"' || c == '`' || c == '?') {
        at++;
      } else {
        add(Token.Kind.SIGN, String.valueOf(c));
        at++;
      }
    }
  }

  private boolean digitAt(int index) {
    return index < text.length() && Character.isDigit(text.charAt(index));
  }

  private void add(Token.Kind kind, String value) {
    Token last = tokens.isEmpty() ? null : tokens.get(tokens.size() - 1);
    if (kind == Token.Kind.WORDS && last != null && last.kind() == Token.Kind.WORDS) {
      tokens.set(
          tokens.size() - 1, new Token(Token.Kind.WORDS, last.text() + " " + value, last.spaced()));
    } else {
      tokens.add(new Token(kind, value, spaced));
    }
    spaced = false;
  }

  private void number() {
    Matcher matcher = NUMBER.matcher(text).region(at, text.length());
    if (!matcher.lookingAt()) {
      throw new Work.Undecidable("a digit that is none"); // of another script
    }
    if (matcher.end() - at > 1_000) {
      throw new Work.Undecidable("a number of more than 1000 digits");
    }
    add(Token.Kind.NUMBER, matcher.group());
    at = matcher.end();
  }

  private void letters() {
    int from = at;
    boolean ascii = isAscii(text.charAt(at));
    while (at < text.length()
        && Character.isLetter(text.charAt(at))
        && isAscii(text.charAt(at)) == ascii) {
      at++;
    }
    String run = text.substring(from, at);
    if (!ascii) {
      if (run.length() == 1
          && Character.UnicodeScript.of(run.charAt(0)).equals(Character.UnicodeScript.GREEK)) {
        add(Token.Kind.LETTER, run);
      } else {
        add(Token.Kind.WORDS, run);
      }
      return;
    }
    Matcher split = SPLIT.matcher(run);
    if (split.lookingAt() && !tokens.isEmpty()) {
      add(Token.Kind.SEPARATOR, "and");
      at = from + split.end();
      return;
    }
    word(run);
  }

  private static boolean isAscii(char c) {
    return c < 128;
  }

  private void word(String run) {
    String lower = run.toLowerCase(Locale.ROOT);
    Token last = tokens.isEmpty() ? null : tokens.get(tokens.size() - 1);
    boolean afterValue =
        last != null
            && (last.kind() == Token.Kind.NUMBER
                || last.kind() == Token.Kind.WORDS
                || last.sign("}")
                || last.sign(")")
                || last.sign("%"));
    boolean afterUnit = last != null && last.sign("/") && afterWords();
    if (lower.equals("and") || lower.equals("or")) {
      add(Token.Kind.SEPARATOR, lower);
    } else if (FUNCTIONS.contains(run)
        || run.equals("pi")
        || (SYNONYMS.containsKey(run) && run.length() > 2)) {
      add(Token.Kind.COMMAND, SYNONYMS.getOrDefault(run, run));
    } else if (run.equals("oo")) {
      add(Token.Kind.COMMAND, "infty");
    } else if (PERCENT.contains(lower) && afterValue) {
      add(Token.Kind.SIGN, "%");
    } else if (DEGREES.contains(lower) && afterValue) {
      add(Token.Kind.COMMAND, "circ");
    } else if (SCALES.containsKey(lower) && afterValue) {
      add(Token.Kind.COMMAND, "times");
      add(Token.Kind.NUMBER, SCALES.get(lower).toString());
    } else if ((afterValue || afterUnit)
        && Units.known(run)
        && (run.length() > 1 || (!latex && lastWord()))) {
      add(Token.Kind.WORDS, run);
    } else if (run.length() >= 3 && readsAsWord(run, last)) {
      add(Token.Kind.WORDS, run);
    } else if (last != null && last.kind() == Token.Kind.WORDS && spaced && run.length() > 1) {
      add(Token.Kind.WORDS, run);
    } else {
      for (int i = 0; i < run.length(); i++) {
        add(Token.Kind.LETTER, run.substring(i, i + 1));
      }
    }
  }

  private boolean afterWords() {
    return tokens.size() > 1 && tokens.get(tokens.size() - 2).kind() == Token.Kind.WORDS;
  }

  /** Whether nothing follows that a variable would be followed by. */
  private boolean lastWord() {
    int next = at;
    while (next < text.length() && text.charAt(next) == ' ') {
      next++;
    }
    return next == text.length() || "^/,".indexOf(text.charAt(next)) >= 0;
  }

  private boolean readsAsWord(String run, Token last) {
    boolean apart =
        spaced
            || last == null
            || last.kind() == Token.Kind.WORDS
            || last.sign("(")
            || last.sign("{");
    char next = at < text.length() ? text.charAt(at) : ' ';
    return apart && run.matches(".*[aeiouyAEIOUY].*") && "(^_".indexOf(next) < 0;
  }

  private void command(int depth) {
    if (at + 1 >= text.length()) {
      at++;
      return;
    }
    char next = text.charAt(at + 1);
    if (!(next < 128 && Character.isLetter(next))) {
      at += 2;
      switch (next) {
        case '{', '}' -> add(Token.Kind.COMMAND, next == '{' ? "\\{" : "\\}");
        case '\\' -> add(Token.Kind.COMMAND, "newline");
        case '|' -> add(Token.Kind.SIGN, "|");
        case '&' -> add(Token.Kind.SEPARATOR, "and");
        default -> spaced = true;
      }
      return;
    }
    Matcher matcher = NAME.matcher(text).region(at + 1, text.length());
    matcher.lookingAt();
    String name = matcher.group();
    at = matcher.end();
    if (name.equals("begin") || name.equals("end")) {
      String environment = braced();
      if (environment != null) {
        add(name.equals("begin") ? Token.Kind.BEGIN : Token.Kind.END, environment.replace("*", ""));
        if (environment.equals("array") && name.equals("begin")) {
          braced(); // its columns
        }
        return;
      }
    }
    if (TEXT.contains(name)) {
      String content = braced();
      if (content != null) {
        textual(content.strip(), depth);
      }
      return;
    }
    if (LOOKS.contains(name)) {
      spaced = true;
      return;
    }
    if (name.equals("hspace") || name.equals("vspace") || name.equals("color")) {
      braced();
      return;
    }
    if (!Parser.KNOWN.contains(SYNONYMS.getOrDefault(name, name))) {
      for (String prefix : PREFIXES) {
        if (name.startsWith(prefix)) {
          at -= name.length() - prefix.length();
          name = prefix;
          break;
        }
      }
      if (LOOKS.contains(name)) {
        spaced = true;
        return;
      }
    }
    String known = SYNONYMS.getOrDefault(name, name);
    if (known.equals("and") || known.equals("or")) {
      add(Token.Kind.SEPARATOR, known);
    } else if (known.length() == 1 || known.equals("|")) {
      add(Token.Kind.SIGN, known);
    } else {
      add(Token.Kind.COMMAND, known);
    }
  }

  /** The content of the braces that follow; null where none do or they do not close. */
  private String braced() {
    int from = at;
    while (from < text.length() && text.charAt(from) == ' ') {
      from++;
    }
    if (from >= text.length() || text.charAt(from) != '{') {
      return null;
    }
    int depth = 0;
    for (int i = from; i < text.length(); i++) {
      work.spend(1);
      depth += text.charAt(i) == '{' ? 1 : text.charAt(i) == '}' ? -1 : 0;
      if (depth == 0) {
        at = i + 1;
        return text.substring(from + 1, i);
      }
    }
    return null;
  }

  /** Content of {@code \text}: words, or what is no text at all, such as {@code \text{(A)}}. */
  private void textual(String content, int depth) {
    String lower = content.toLowerCase(Locale.ROOT);
    String bare = lower.replaceAll("[,.:]", "").strip();
    if (bare.equals("and") || bare.equals("or") || bare.equals("if") || content.equals(",")) {
      add(Token.Kind.SEPARATOR, "and");
      return;
    }
    boolean afterValue = !tokens.isEmpty();
    if (PERCENT.contains(bare) && afterValue) {
      add(Token.Kind.SIGN, "%");
      return;
    }
    if (DEGREES.contains(bare) && afterValue) {
      add(Token.Kind.COMMAND, "circ");
      return;
    }
    boolean words =
        bare.matches("\\p{L}[\\p{L}\\s'.-]*+") && bare.length() > 1 && !SCALES.containsKey(bare);
    boolean unit =
        Units.known(bare) && (bare.length() == 1 || FUNCTIONS.contains(bare)) && afterNumber();
    if ((words && !FUNCTIONS.contains(content) && !content.matches("(?:and|or)\\b.*")) || unit) {
      add(Token.Kind.WORDS, content);
      return;
    }
    if (content.isEmpty()) {
      return;
    }
    Lexer inner = new Lexer(content, work);
    inner.run(depth + 1);
    inner.tokens.forEach(each -> add(each.kind(), each.text()));
  }

  private boolean afterNumber() {
    return !tokens.isEmpty() && tokens.get(tokens.size() - 1).kind() == Token.Kind.NUMBER;
  }
}
