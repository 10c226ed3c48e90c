package polyphony.activities.grading.algebra;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import polyphony.activities.grading.algebra.Node.Operation;
import polyphony.activities.grading.algebra.Node.Operator;

/**
 * Reads the LaTeX and the plain notation that answers are written in. Deliberately forgiving: what
 * it does not know becomes {@link Node.Unknown}, and only what has no structure at all is no tree.
 */
final class Parser {
  /**
   * Commands that mean something here; a longer name may be one of these with a letter after it.
   */
  static final Set<String> KNOWN =
      Set.of(
          "frac",
          "sqrt",
          "binom",
          "choose",
          "pi",
          "infty",
          "cdot",
          "times",
          "leq",
          "geq",
          "neq",
          "not",
          "approx",
          "in",
          "notin",
          "cup",
          "cap",
          "setminus",
          "pm",
          "mp",
          "circ",
          "prime",
          "langle",
          "rangle",
          "lfloor",
          "rfloor",
          "lceil",
          "rceil",
          "bmod",
          "mod",
          "pmod",
          "overline",
          "bar",
          "emptyset",
          "mid",
          "to",
          "rightarrow",
          "Rightarrow",
          "implies",
          "iff",
          "ldots",
          "dots",
          "cdots",
          "newline",
          "colon",
          "alpha",
          "beta",
          "gamma",
          "delta",
          "epsilon",
          "theta",
          "lambda",
          "mu",
          "nu",
          "rho",
          "sigma",
          "tau",
          "phi",
          "psi",
          "omega",
          "Delta",
          "Gamma",
          "Omega",
          "Phi",
          "Psi",
          "Sigma",
          "Theta",
          "Lambda",
          "angle",
          "triangle",
          "sin",
          "cos",
          "tan",
          "sec",
          "csc",
          "cot",
          "sinh",
          "cosh",
          "tanh",
          "arcsin",
          "arccos",
          "arctan",
          "exp",
          "ln",
          "log",
          "lg",
          "max",
          "min",
          "gcd",
          "lcm",
          "det",
          "abs",
          "floor",
          "ceil",
          "lim",
          "sum",
          "prod",
          "int",
          "subset",
          "subseteq",
          "forall",
          "exists",
          "perp",
          "parallel",
          "ell",
          "hbar");

  private static final Set<String> RELATORS = Set.of("=", "<", ">");
  private static final Set<String> RELATOR_COMMANDS =
      Set.of(
          "leq",
          "geq",
          "neq",
          "approx",
          "in",
          "notin",
          "to",
          "rightarrow",
          "subset",
          "subseteq",
          "Rightarrow",
          "implies",
          "iff");
  private static final Set<String> MATRICES =
      Set.of(
          "pmatrix", "bmatrix", "matrix", "Bmatrix", "vmatrix", "Vmatrix", "array", "smallmatrix");

  private final List<Token> tokens;
  private final Work work;
  private int at;
  private int depth;
  private int bars;

  private Parser(List<Token> tokens, Work work) {
    this.tokens = new ArrayList<>(tokens);
    this.work = work;
  }

  /**
   * @return empty where the tokens have no structure
   * @throws Work.Undecidable where they nest too deeply or cost too much
   */
  static Optional<Node> parse(List<Token> tokens, Work work) {
    if (tokens.isEmpty()) {
      return Optional.empty();
    }
    try {
      Parser parser = new Parser(tokens, work);
      List<Node> items = parser.items();
      if (parser.at < parser.tokens.size() || items.isEmpty()) {
        return Optional.empty();
      }
      return Optional.of(single(items));
    } catch (Malformed e) {
      return Optional.empty();
    }
  }

  /** Ends the parsing of what is no expression. */
  private static final class Malformed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Malformed() {
      super("malformed", null, false, false);
    }
  }

  private static Node single(List<Node> items) {
    return items.size() == 1 ? items.get(0) : new Node.Sequence(items);
  }

  private Token peek() {
    return at < tokens.size() ? tokens.get(at) : null;
  }

  private Token next() {
    Token token = peek();
    if (token == null) {
      throw new Malformed();
    }
    work.spend(2);
    at++;
    return token;
  }

  private boolean takeSign(String sign) {
    Token token = peek();
    if (token != null && token.sign(sign)) {
      at++;
      return true;
    }
    return false;
  }

  private boolean takeCommand(String command) {
    Token token = peek();
    if (token != null && token.command(command)) {
      at++;
      return true;
    }
    return false;
  }

  private void expectSign(String sign) {
    if (!takeSign(sign)) {
      throw new Malformed();
    }
  }

  private void enter() {
    if (++depth > Work.MAX_DEPTH) {
      throw new Work.Undecidable("too deep");
    }
  }

  /** Answers side by side, up to what closes them. */
  private List<Node> items() {
    enter();
    List<Node> items = new ArrayList<>();
    while (true) {
      while (separator()) {
        at++;
      }
      Token token = peek();
      if (token == null || closes(token)) {
        break;
      }
      items.add(relation());
      token = peek();
      if (token != null && !closes(token) && !separator()) {
        throw new Malformed();
      }
    }
    depth--;
    return items;
  }

  private boolean separator() {
    Token token = peek();
    return token != null
        && (token.kind() == Token.Kind.SEPARATOR
            || token.sign(",")
            || token.sign(";")
            || token.sign("&")
            || token.command("newline"));
  }

  private boolean closes(Token token) {
    return token.sign(")")
        || token.sign("]")
        || token.sign("}")
        || token.command("\\}")
        || token.command("rangle")
        || token.command("rfloor")
        || token.command("rceil")
        || token.command("mid")
        || token.kind() == Token.Kind.END
        || (token.sign("|") && bars > 0);
  }

  private Node relation() {
    List<Node> sides = new ArrayList<>();
    List<String> relators = new ArrayList<>();
    String leading = relator();
    if (leading == null) {
      sides.add(pieces());
    } else {
      // "= 5", "\approx 5": what stands before it was left out.
      sides.add(new Node.Unknown(""));
      relators.add(leading);
      sides.add(pieces());
    }
    for (String relator = relator(); relator != null; relator = relator()) {
      relators.add(relator);
      sides.add(pieces());
    }
    return relators.isEmpty() ? sides.get(0) : new Node.Relation(sides, relators);
  }

  private String relator() {
    Token token = peek();
    if (token == null) {
      return null;
    }
    if (token.command("not")) {
      at++;
      String negated = relator();
      return "=".equals(negated) ? "neq" : "not " + negated;
    }
    if (token.sign("!") && at + 1 < tokens.size() && tokens.get(at + 1).sign("=")) {
      at += 2;
      return "neq";
    }
    if (token.kind() == Token.Kind.SIGN && RELATORS.contains(token.text())) {
      at++;
      if (!token.text().equals("=") && takeSign("=")) {
        return token.text().equals("<") ? "leq" : "geq";
      }
      return token.text();
    }
    if (token.kind() == Token.Kind.COMMAND && RELATOR_COMMANDS.contains(token.text())) {
      at++;
      return token.text();
    }
    return null;
  }

  /** Unions and the like of what they are made of. */
  private Node pieces() {
    enter();
    Node left = ratio();
    while (true) {
      Operator operator;
      if (takeCommand("cup") || unionLetter()) {
        operator = Operator.UNION;
      } else if (takeCommand("cap")) {
        operator = Operator.INTERSECTION;
      } else if (takeCommand("setminus")) {
        operator = Operator.WITHOUT;
      } else {
        break;
      }
      left = Operation.of(operator, left, ratio());
    }
    depth--;
    return left;
  }

  /** The U of {@code (1,2)U(3,4)}. */
  private boolean unionLetter() {
    Token token = peek();
    if (token != null
        && token.is(Token.Kind.LETTER, "U")
        && at > 0
        && at + 1 < tokens.size()
        && (tokens.get(at - 1).sign(")") || tokens.get(at - 1).sign("]"))
        && (tokens.get(at + 1).sign("(") || tokens.get(at + 1).sign("["))) {
      at++;
      return true;
    }
    return false;
  }

  private Node ratio() {
    Node first = sum();
    if (!ratioFollows()) {
      return first;
    }
    List<Node> parts = new ArrayList<>(List.of(first));
    while (ratioFollows()) {
      at++;
      parts.add(sum());
    }
    return new Operation(Operator.RATIO, parts);
  }

  private boolean ratioFollows() {
    Token token = peek();
    return token != null && (token.sign(":") || token.command("colon"));
  }

  private Node sum() {
    enter();
    Node left = signed();
    while (true) {
      Operator operator;
      if (takeSign("+")) {
        operator = Operator.ADD;
      } else if (takeSign("-")) {
        operator = Operator.SUBTRACT;
      } else if (takeCommand("pm")) {
        operator = Operator.PLUS_MINUS;
      } else if (takeCommand("mp")) {
        operator = Operator.MINUS_PLUS;
      } else {
        break;
      }
      left = Operation.of(operator, left, signed());
    }
    depth--;
    return left;
  }

  private Node signed() {
    int minus = 0;
    while (true) {
      if (takeSign("-")) {
        minus++;
      } else if (takeCommand("pm")) {
        return Operation.of(Operator.PLUS_MINUS, Node.Numeral.of(0), signedEnd(minus));
      } else if (takeCommand("mp")) {
        return Operation.of(Operator.MINUS_PLUS, Node.Numeral.of(0), signedEnd(minus));
      } else if (!takeSign("+")) {
        break;
      }
    }
    return signedEnd(minus);
  }

  private Node signedEnd(int minus) {
    Node term = product();
    return minus % 2 == 1 ? negated(term) : term;
  }

  private static Node negated(Node node) {
    if (node instanceof Node.Numeral number) {
      return new Node.Numeral(number.value().negate(), number.decimals());
    }
    if (node instanceof Node.Measured measured) {
      return new Node.Measured(negated(measured.value()), measured.unit());
    }
    if (node instanceof Operation operation
        && (operation.operator() == Operator.PERCENT || operation.operator() == Operator.DEGREES)) {
      return Operation.of(operation.operator(), negated(operation.arguments().get(0)));
    }
    return Operation.of(Operator.NEGATE, node);
  }

  private Node product() {
    Node left = factor();
    while (true) {
      work.spend(2);
      Token token = peek();
      if (token == null) {
        return left;
      }
      if (token.kind() == Token.Kind.WORDS) {
        left = measured(left);
      } else if (takeSign("*") || takeCommand("cdot") || takeCommand("times")) {
        left = Operation.of(Operator.MULTIPLY, left, signedFactor());
      } else if (takeSign("/")) {
        left = Operation.of(Operator.DIVIDE, left, signedFactor());
      } else if (takeCommand("bmod") || takeCommand("mod")) {
        left = Operation.of(Operator.MODULO, left, signedFactor());
      } else if (takeCommand("pmod")) {
        factor(); // says modulo what; the answer is what stands before it
      } else if (takeCommand("choose")) {
        left = Operation.of(Operator.BINOMIAL, left, signedFactor());
      } else if (startsFactor(token) && !unionAhead(token)) {
        Node right = factor();
        if (right instanceof Node.Numeral && endsInDigit(left)) {
          throw new Malformed(); // two numbers side by side
        }
        left = mixed(left, right);
      } else {
        return left;
      }
    }
  }

  private boolean unionAhead(Token token) {
    return token.is(Token.Kind.LETTER, "U")
        && at > 0
        && at + 1 < tokens.size()
        && (tokens.get(at - 1).sign(")") || tokens.get(at - 1).sign("]"))
        && (tokens.get(at + 1).sign("(") || tokens.get(at + 1).sign("["));
  }

  private static boolean endsInDigit(Node node) {
    return node instanceof Node.Numeral;
  }

  /** A product, unless it is a mixed number such as {@code 7\frac{3}{4}}. */
  private static Node mixed(Node left, Node right) {
    if (right instanceof Node.Call call && call.function().equals("repeating")) {
      return Operation.of(Operator.ADD, left, call.arguments().get(0));
    }
    if (left instanceof Node.Numeral whole
        && whole.decimals() == 0
        && right instanceof Operation fraction
        && fraction.operator() == Operator.DIVIDE
        && fraction.arguments().get(0) instanceof Node.Numeral above
        && fraction.arguments().get(1) instanceof Node.Numeral below
        && above.decimals() == 0
        && below.decimals() == 0
        && above.value().signum() >= 0
        && above.value().compareTo(below.value()) < 0) {
      return Operation.of(
          whole.value().signum() < 0 ? Operator.SUBTRACT : Operator.ADD, left, right);
    }
    return Operation.of(Operator.MULTIPLY, left, right);
  }

  private Node measured(Node value) {
    StringBuilder unit = new StringBuilder(next().text());
    while (peek() != null) {
      if (takeSign("^")) {
        unit.append('^').append(plain(argument()));
      } else if (peek().sign("/")
          && at + 1 < tokens.size()
          && tokens.get(at + 1).kind() == Token.Kind.WORDS) {
        at++;
        unit.append('/').append(next().text());
      } else if (peek().sign("(")
          && at + 2 < tokens.size()
          && tokens.get(at + 1).kind() == Token.Kind.WORDS
          && tokens.get(at + 2).sign(")")) {
        at += 3;
      } else {
        break;
      }
    }
    return value instanceof Node.Measured measured
        ? new Node.Measured(measured.value(), measured.unit() + " " + unit)
        : new Node.Measured(value, unit.toString());
  }

  private static String plain(Node node) {
    return node instanceof Node.Numeral number ? number.value().toPlainString() : "?";
  }

  private boolean startsFactor(Token token) {
    return switch (token.kind()) {
      case NUMBER, LETTER, BEGIN -> true;
      case SIGN ->
          token.text().equals("(")
              || token.text().equals("[")
              || token.text().equals("{")
              || (token.text().equals("|") && bars == 0);
      case COMMAND ->
          !RELATOR_COMMANDS.contains(token.text())
              && !closes(token)
              && !Set.of("cup", "cap", "setminus", "pm", "mp", "not", "newline", "colon")
                  .contains(token.text());
      default -> false;
    };
  }

  private Node signedFactor() {
    int minus = 0;
    while (true) {
      if (takeSign("-")) {
        minus++;
      } else if (!takeSign("+")) {
        break;
      }
    }
    Node factor = factor();
    return minus % 2 == 1 ? negated(factor) : factor;
  }

  /** An atom with what follows it: exponents, factorials, percent. */
  private Node factor() {
    enter();
    boolean number = peek() != null && peek().kind() == Token.Kind.NUMBER;
    String digits = number ? peek().text() : "";
    Node node = atom();
    while (true) {
      work.spend(1);
      if (takeSign("^")) {
        node = power(node);
      } else if (takeSign("_")) {
        node = indexed(node, digits);
      } else if (takeSign("'") || takeCommand("prime")) {
        node = node instanceof Node.Symbol symbol ? new Node.Symbol(symbol.name() + "'") : node;
      } else if (takeSign("%")) {
        node = Operation.of(Operator.PERCENT, node);
      } else if (takeCommand("circ")) {
        node = Operation.of(Operator.DEGREES, node);
      } else if (factorial()) {
        node = Operation.of(Operator.FACTORIAL, node);
      } else if (fractionOf(node)) {
        node = plainFraction(node);
      } else {
        break;
      }
    }
    depth--;
    return node;
  }

  private boolean factorial() {
    Token token = peek();
    if (token != null
        && token.sign("!")
        && !(at + 1 < tokens.size() && tokens.get(at + 1).sign("="))) {
      at++;
      return true;
    }
    return false;
  }

  /** Whether a number's fraction follows it: the {@code 3/4} of {@code 7 3/4}. */
  private boolean fractionOf(Node node) {
    return node instanceof Node.Numeral whole
        && whole.decimals() == 0
        && at + 2 < tokens.size()
        && integer(tokens.get(at))
        && tokens.get(at).spaced()
        && tokens.get(at + 1).sign("/")
        && integer(tokens.get(at + 2));
  }

  private static boolean integer(Token token) {
    return token.kind() == Token.Kind.NUMBER && token.text().chars().allMatch(Character::isDigit);
  }

  private Node plainFraction(Node whole) {
    Node above = numeral(next());
    next();
    Node below = numeral(next());
    return Operation.of(Operator.ADD, whole, Operation.of(Operator.DIVIDE, above, below));
  }

  private Node power(Node base) {
    if (takeCommand("circ")) {
      return Operation.of(Operator.DEGREES, base);
    }
    if (takeCommand("prime")) {
      return base;
    }
    if (peek() != null
        && peek().sign("{")
        && at + 2 < tokens.size()
        && tokens.get(at + 1).command("circ")
        && tokens.get(at + 2).sign("}")) {
      at += 3;
      return Operation.of(Operator.DEGREES, base);
    }
    int minus = 0;
    while (takeSign("-")) {
      minus++;
    }
    Node exponent;
    if (peek() != null && peek().sign("{")) {
      exponent = argument();
    } else {
      exponent = atom();
      if (takeSign("^")) {
        exponent = power(exponent);
      }
    }
    return Operation.of(Operator.POWER, base, minus % 2 == 1 ? negated(exponent) : exponent);
  }

  private Node indexed(Node node, String digits) {
    int from = at;
    if (peek() != null && peek().sign("{")) {
      int open = 0;
      do {
        Token token = next();
        open += token.sign("{") ? 1 : token.sign("}") ? -1 : 0;
      } while (open > 0);
    } else {
      next();
    }
    StringBuilder index = new StringBuilder();
    for (Token token : tokens.subList(from, at)) {
      if (!token.sign("{") && !token.sign("}")) {
        index.append(token.text());
      }
    }
    if (node instanceof Node.Symbol symbol) {
      return new Node.Symbol(symbol.name() + "_" + index);
    }
    if (node instanceof Node.Numeral && !digits.isEmpty()) {
      return switch (index.toString()) {
        case "two" -> new Node.Based(digits, 2);
        case "eight" -> new Node.Based(digits, 8);
        case "ten" -> new Node.Based(digits, 10);
        default ->
            index.toString().matches("[0-9]{1,2}")
                ? new Node.Based(digits, Integer.parseInt(index.toString()))
                : new Node.Unknown(digits + "_" + index);
      };
    }
    return node instanceof Node.Unknown unknown
        ? new Node.Unknown(unknown.text() + "_" + index)
        : node;
  }

  /** A command's argument: a group, or a single digit, letter or command. */
  private Node argument() {
    Token token = peek();
    if (token == null) {
      throw new Malformed();
    }
    if (token.kind() == Token.Kind.NUMBER && token.text().length() > 1) {
      String text = token.text();
      tokens.set(at, new Token(Token.Kind.NUMBER, text.substring(1), false));
      return numeral(new Token(Token.Kind.NUMBER, text.substring(0, 1), false));
    }
    if (token.sign("{")) {
      at++;
      List<Node> items = items();
      expectSign("}");
      if (items.isEmpty()) {
        return new Node.Unknown("");
      }
      return single(items);
    }
    return atom();
  }

  private static Node numeral(Token token) {
    String text = token.text();
    BigDecimal value = new BigDecimal(text.endsWith(".") ? text + "0" : text);
    int point = text.indexOf('.');
    int decimals = point < 0 ? 0 : Math.max(0, value.scale());
    return new Node.Numeral(value, text.endsWith(".") ? 0 : decimals);
  }

  private Node atom() {
    enter();
    Token token = next();
    Node node =
        switch (token.kind()) {
          case NUMBER -> numeral(token);
          case LETTER -> new Node.Symbol(token.text());
          case WORDS -> words(token);
          case BEGIN -> environment(token.text());
          case SIGN -> bracketed(token);
          case COMMAND -> command(token.text());
          default -> throw new Malformed();
        };
    depth--;
    return node;
  }

  /** Words on their own; a number after them is what is meant, as in "about 5". */
  private Node words(Token token) {
    return new Node.Words(token.text());
  }

  private Node bracketed(Token token) {
    switch (token.text()) {
      case "(", "[" -> {
        int outer = bars;
        bars = 0;
        List<Node> items = items();
        bars = outer;
        Token close = next();
        if (!close.sign(")") && !close.sign("]")) {
          throw new Malformed();
        }
        if (items.isEmpty()) {
          throw new Malformed();
        }
        return new Node.Brackets(token.text().charAt(0), close.text().charAt(0), items);
      }
      case "]" -> {
        // The other way to write an open interval: ]a,b[
        List<Node> items = items();
        Token close = next();
        if (items.size() != 2 || !(close.sign("[") || close.sign("]"))) {
          throw new Malformed();
        }
        return new Node.Brackets('(', close.sign("[") ? ')' : ']', items);
      }
      case "{" -> {
        int outer = bars;
        bars = 0;
        List<Node> items = items();
        bars = outer;
        expectSign("}");
        if (items.isEmpty()) {
          return new Node.Unknown("");
        }
        return items.size() == 1 ? items.get(0) : new Node.Sequence(items);
      }
      case "|" -> {
        bars++;
        Node inner = sum();
        bars--;
        expectSign("|");
        return Operation.of(Operator.ABSOLUTE, inner);
      }
      case "-" -> {
        return negated(atom());
      }
      case "+" -> {
        return atom();
      }
      default -> throw new Malformed();
    }
  }

  private Node command(String name) {
    switch (name) {
      case "frac" -> {
        Node above = argument();
        return Operation.of(Operator.DIVIDE, above, argument());
      }
      case "binom" -> {
        Node above = argument();
        return Operation.of(Operator.BINOMIAL, above, argument());
      }
      case "sqrt" -> {
        Node index = Node.Numeral.of(2);
        if (takeSign("[")) {
          index = sum();
          expectSign("]");
        }
        Node radicand = peek() != null && peek().sign("{") ? argument() : atom();
        return Operation.of(Operator.ROOT, index, radicand);
      }
      case "\\{" -> {
        int outer = bars;
        bars = 0;
        List<Node> items = items();
        if (takeCommand("mid") || takeSign("|")) {
          items = items(); // a set by its condition
          bars = outer;
          if (!takeCommand("\\}") || items.isEmpty()) {
            throw new Malformed();
          }
          return single(items);
        }
        bars = outer;
        if (!takeCommand("\\}")) {
          throw new Malformed();
        }
        return new Node.Braces(items);
      }
      case "emptyset" -> {
        return new Node.Braces(List.of());
      }
      case "langle" -> {
        List<Node> items = items();
        if (!takeCommand("rangle")) {
          throw new Malformed();
        }
        return new Node.Brackets('(', ')', items);
      }
      case "lfloor", "lceil" -> {
        Node inner = sum();
        if (!takeCommand(name.equals("lfloor") ? "rfloor" : "rceil")) {
          throw new Malformed();
        }
        return Operation.of(name.equals("lfloor") ? Operator.FLOOR : Operator.CEILING, inner);
      }
      case "overline", "bar" -> {
        return overlined();
      }
      case "pi" -> {
        return new Node.Symbol("π");
      }
      case "infty" -> {
        return new Node.Symbol("∞");
      }
      default -> {
        if (Lexer.FUNCTIONS.contains(name)) {
          return call(name);
        }
        // A Greek letter is a variable; anything else is kept as it is.
        return name.matches("[a-zA-Z]++") && GREEK.contains(name)
            ? new Node.Symbol(name)
            : new Node.Unknown("\\" + name);
      }
    }
  }

  private static final Set<String> GREEK =
      Set.of(
          "alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "nu", "rho",
          "sigma", "tau", "phi", "psi", "omega", "Delta", "Gamma", "Omega", "Phi", "Psi", "Sigma",
          "Theta", "Lambda", "ell");

  /** {@code 0.\overline{3}} repeats; over letters it names a segment or a conjugate. */
  private Node overlined() {
    Token before = at >= 2 ? tokens.get(at - 2) : null;
    Node inner = argument();
    if (inner instanceof Node.Numeral repeated
        && repeated.decimals() == 0
        && before != null
        && before.kind() == Token.Kind.NUMBER
        && before.text().contains(".")) {
      int decimals = before.text().length() - before.text().indexOf('.') - 1;
      int length = Math.min(repeated.value().toPlainString().length(), 40);
      BigInteger below =
          BigInteger.TEN
              .pow(length)
              .subtract(BigInteger.ONE)
              .multiply(BigInteger.TEN.pow(decimals));
      return new Node.Call(
          "repeating",
          List.of(
              Operation.of(Operator.DIVIDE, repeated, new Node.Numeral(new BigDecimal(below), 0))));
    }
    return inner;
  }

  private Node call(String name) {
    if (name.equals("sqrt")) {
      return Operation.of(Operator.ROOT, Node.Numeral.of(2), atom());
    }
    Node base = null;
    Node exponent = null;
    while (true) {
      if (takeSign("_")) {
        base = argument();
      } else if (takeSign("^")) {
        boolean negative = takeSign("-");
        Node argument = peek() != null && peek().sign("{") ? argument() : atom();
        exponent = negative ? negated(argument) : argument;
      } else {
        break;
      }
    }
    List<Node> arguments;
    Token token = peek();
    if (token != null && token.sign("(")) {
      at++;
      arguments = items();
      expectSign(")");
    } else if (token != null && token.sign("{")) {
      arguments = List.of(argument());
    } else {
      arguments = List.of(bareArgument());
    }
    if (arguments.isEmpty()) {
      throw new Malformed();
    }
    boolean inverse =
        exponent instanceof Node.Numeral number
            && number.value().compareTo(BigDecimal.ONE.negate()) == 0;
    if (inverse && Set.of("sin", "cos", "tan").contains(name)) {
      return new Node.Call("arc" + name, arguments);
    }
    Node call =
        name.equals("log") && base != null
            ? new Node.Call("log", List.of(base, arguments.get(0)))
            : switch (name) {
              case "abs" -> Operation.of(Operator.ABSOLUTE, arguments.get(0));
              case "floor" -> Operation.of(Operator.FLOOR, arguments.get(0));
              case "ceil" -> Operation.of(Operator.CEILING, arguments.get(0));
              case "det" -> Operation.of(Operator.DETERMINANT, arguments.get(0));
              default -> new Node.Call(name, arguments);
            };
    return exponent == null ? call : Operation.of(Operator.POWER, call, exponent);
  }

  /** The argument of {@code \sin 2x}: factors up to the next function or sign. */
  private Node bareArgument() {
    enter();
    Node left = takeSign("-") ? negated(factor()) : factor();
    while (peek() != null
        && startsFactor(peek())
        && !peek().sign("(")
        && !peek().sign("[")
        && !(peek().kind() == Token.Kind.COMMAND && Lexer.FUNCTIONS.contains(peek().text()))
        && !(peek().kind() == Token.Kind.COMMAND && peek().text().equals("cdot"))
        && !(peek().kind() == Token.Kind.COMMAND && peek().text().equals("times"))) {
      left = Operation.of(Operator.MULTIPLY, left, factor());
    }
    depth--;
    return left;
  }

  private Node environment(String name) {
    if (!MATRICES.contains(name)) {
      List<Node> items = items(); // align, cases and the like: what they hold
      if (peek() == null || next().kind() != Token.Kind.END || items.isEmpty()) {
        throw new Malformed();
      }
      return single(items);
    }
    List<List<Node>> rows = new ArrayList<>();
    List<Node> row = new ArrayList<>();
    while (true) {
      Token token = peek();
      if (token == null) {
        throw new Malformed();
      }
      if (token.kind() == Token.Kind.END) {
        at++;
        break;
      }
      if (takeCommand("newline")) {
        rows.add(row);
        row = new ArrayList<>();
      } else if (!takeSign("&")) {
        row.add(relation());
      }
    }
    if (!row.isEmpty()) {
      rows.add(row);
    }
    int columns = rows.isEmpty() ? 0 : rows.get(0).size();
    if (columns == 0 || rows.stream().anyMatch(each -> each.size() != columns)) {
      throw new Malformed();
    }
    Node matrix = new Node.Matrix(List.copyOf(rows.stream().map(List::copyOf).toList()));
    return name.equalsIgnoreCase("vmatrix") ? Operation.of(Operator.DETERMINANT, matrix) : matrix;
  }
}
