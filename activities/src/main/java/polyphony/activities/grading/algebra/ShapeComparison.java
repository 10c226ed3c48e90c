package polyphony.activities.grading.algebra;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import polyphony.activities.grading.Verdict;
import polyphony.activities.grading.algebra.Node.Operation;
import polyphony.activities.grading.algebra.Node.Operator;

/** Compares what two answers consist of. */
final class ShapeComparison {
  /** Longer lists and sets are not matched. */
  private static final int MAX_ITEMS = 60;

  private static final String DEGREES = "degrees";

  /** Points at which expressions are compared: three of positive coordinates, then mixed ones. */
  private static final int POINTS = 7;

  private final Work work;

  ShapeComparison(Work work) {
    this.work = work;
  }

  Verdict compare(Shape one, Shape other) {
    work.spend(5);
    if (one instanceof Shape.Named first && other instanceof Shape.Named second) {
      return named(first, second);
    }
    if (one instanceof Shape.Named named) {
      return compare(against(other, named), other);
    } else if (other instanceof Shape.Named named) {
      return compare(one, against(one, named));
    }
    if (inequality(one) || inequality(other)) {
      Verdict verdict = inequalities(one, other);
      if (verdict != null) {
        return verdict;
      }
    }
    if (one instanceof Shape.Expression first && other instanceof Shape.Expression second) {
      return expressions(first, second);
    }
    if (one instanceof Shape.Text first && other instanceof Shape.Text second) {
      return verdict(plain(first.text()).equals(plain(second.text())));
    }
    if (one instanceof Shape.Ratio || other instanceof Shape.Ratio) {
      return ratios(one, other);
    }
    if (one instanceof Shape.Related first && other instanceof Shape.Related second) {
      return related(first, second);
    }
    if (one instanceof Shape.Unreadable || other instanceof Shape.Unreadable) {
      return one.equals(other) ? Verdict.EQUAL : Verdict.UNDECIDED;
    }
    if (one instanceof Shape.Tuple first && other instanceof Shape.Tuple second) {
      return tuples(first, second);
    }
    if (one instanceof Shape.Tuple tuple && vector(other) != null) {
      return ordered(tuple.items(), vector(other));
    } else if (other instanceof Shape.Tuple tuple && vector(one) != null) {
      return ordered(vector(one), tuple.items());
    }
    if (one instanceof Shape.Union || other instanceof Shape.Union) {
      return unordered(parts(one), parts(other));
    }
    if (one instanceof Shape.Tuple tuple && other instanceof Shape.Several several) {
      return ordered(tuple.items(), several.items());
    } else if (other instanceof Shape.Tuple tuple && one instanceof Shape.Several several) {
      return ordered(several.items(), tuple.items());
    }
    List<Shape> items = items(one);
    List<Shape> others = items(other);
    if (items != null || others != null) {
      return unordered(
          items == null ? List.of(one) : items, others == null ? List.of(other) : others);
    }
    return Verdict.DIFFERENT;
  }

  private static Verdict verdict(boolean equal) {
    return equal ? Verdict.EQUAL : Verdict.DIFFERENT;
  }

  private static String plain(String text) {
    return text.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N}]++", "");
  }

  private static List<Shape> items(Shape shape) {
    if (shape instanceof Shape.Several several) {
      return several.items();
    }
    return shape instanceof Shape.SetOf set ? set.items() : null;
  }

  private static List<Shape> parts(Shape shape) {
    if (shape instanceof Shape.Union union) {
      return union.parts();
    }
    return shape instanceof Shape.Several several ? several.items() : List.of(shape);
  }

  /** A row or column of numbers, as a list; null where it is none. */
  private static List<Shape> vector(Shape shape) {
    if (shape instanceof Shape.Expression expression
        && expression.node() instanceof Node.Matrix matrix
        && (matrix.rows().size() == 1 || matrix.rows().get(0).size() == 1)) {
      List<Shape> items = new ArrayList<>();
      matrix.rows().forEach(row -> row.forEach(each -> items.add(Shape.of(each))));
      return items;
    }
    return null;
  }

  // ---- names ----

  private Verdict named(Shape.Named one, Shape.Named other) {
    if (one.name() instanceof Node.Symbol first
        && other.name() instanceof Node.Symbol second
        && AnswerComparison.COORDINATES.contains(first.name())
        && AnswerComparison.COORDINATES.contains(second.name())
        && !first.name().equals(second.name())) {
      return Verdict.DIFFERENT;
    }
    String argument = argument(one.name());
    String otherArgument = argument(other.name());
    if (argument != null
        && otherArgument != null
        && !argument.equals(otherArgument)
        && one.value() instanceof Shape.Expression first
        && other.value() instanceof Shape.Expression second) {
      // f(n) = n^2 and f(x) = x^2 are one function.
      return expressions(
          first,
          new Shape.Expression(
              renamed(second.node(), otherArgument, argument), second.unit(), second.percent()));
    }
    return compare(one.value(), other.value());
  }

  /** What a named value is compared as: its value, or with an equation, the equation that it is. */
  private static Shape against(Shape other, Shape.Named named) {
    return other instanceof Shape.Related related
            && related.relator().equals("=")
            && named.name() instanceof Node.Symbol
            && named.value() instanceof Shape.Expression expression
        ? new Shape.Related(named.name(), "=", expression.node())
        : named.value();
  }

  /** The variable of a function's name, such as x of f(x). */
  private static String argument(Node name) {
    return name instanceof Operation operation
            && operation.operator() == Operator.MULTIPLY
            && operation.arguments().get(1) instanceof Node.Brackets brackets
            && brackets.items().size() == 1
            && brackets.items().get(0) instanceof Node.Symbol symbol
        ? symbol.name()
        : null;
  }

  private Node renamed(Node node, String from, String to) {
    work.spend(1);
    if (node instanceof Node.Symbol symbol) {
      return symbol.name().equals(from) ? new Node.Symbol(to) : node;
    } else if (node instanceof Operation operation) {
      return new Operation(
          operation.operator(),
          operation.arguments().stream().map(each -> renamed(each, from, to)).toList());
    } else if (node instanceof Node.Call call) {
      return new Node.Call(
          call.function(), call.arguments().stream().map(each -> renamed(each, from, to)).toList());
    } else if (node instanceof Node.Brackets brackets) {
      return new Node.Brackets(
          brackets.open(),
          brackets.close(),
          brackets.items().stream().map(each -> renamed(each, from, to)).toList());
    }
    return node;
  }

  // ---- collections ----

  private Verdict tuples(Shape.Tuple one, Shape.Tuple other) {
    if (one.items().size() == 2 && (one.open() != other.open() || one.close() != other.close())) {
      return Verdict.DIFFERENT;
    }
    return ordered(one.items(), other.items());
  }

  private Verdict ordered(List<Shape> one, List<Shape> other) {
    if (one.size() != other.size()) {
      return Verdict.DIFFERENT;
    }
    Verdict all = Verdict.EQUAL;
    for (int i = 0; i < one.size(); i++) {
      Verdict here = compare(one.get(i), other.get(i));
      if (here == Verdict.DIFFERENT) {
        return here;
      }
      all = here == Verdict.UNDECIDED ? here : all;
    }
    return all;
  }

  private Verdict unordered(List<Shape> one, List<Shape> other) {
    if (one.size() > MAX_ITEMS || other.size() > MAX_ITEMS) {
      return Verdict.UNDECIDED;
    }
    boolean byName = commonNames(one, other);
    List<Shape> left = distinct(one, byName);
    List<Shape> right = new ArrayList<>(distinct(other, byName));
    if (left.size() != right.size()) {
      return Verdict.DIFFERENT;
    }
    boolean undecided = false;
    for (Shape item : left) {
      boolean found = false;
      for (int i = 0; i < right.size() && !found; i++) {
        Verdict here = item(item, right.get(i), byName);
        undecided |= here == Verdict.UNDECIDED;
        if (here == Verdict.EQUAL) {
          right.remove(i);
          found = true;
        }
      }
      if (!found) {
        return undecided ? Verdict.UNDECIDED : Verdict.DIFFERENT;
      }
    }
    return Verdict.EQUAL;
  }

  private List<Shape> distinct(List<Shape> items, boolean byName) {
    List<Shape> distinct = new ArrayList<>();
    for (Shape item : items) {
      if (distinct.stream().noneMatch(each -> item(each, item, byName) == Verdict.EQUAL)) {
        distinct.add(item);
      }
    }
    return distinct;
  }

  private Verdict item(Shape one, Shape other, boolean byName) {
    if (byName
        && one instanceof Shape.Named first
        && other instanceof Shape.Named second
        && !first.name().equals(second.name())) {
      return Verdict.DIFFERENT;
    }
    return compare(one, other);
  }

  private static boolean commonNames(List<Shape> one, List<Shape> other) {
    Set<Node> names = new HashSet<>();
    one.forEach(
        each -> names.addAll(each instanceof Shape.Named named ? Set.of(named.name()) : Set.of()));
    return other.stream()
        .anyMatch(each -> each instanceof Shape.Named named && names.contains(named.name()));
  }

  private Verdict ratios(Shape one, Shape other) {
    if (one instanceof Shape.Ratio first && other instanceof Shape.Ratio second) {
      if (first.parts().size() != second.parts().size()) {
        return Verdict.DIFFERENT;
      }
      Verdict same = ordered(first.parts(), second.parts());
      if (same == Verdict.EQUAL || (time(first) && time(second))) {
        return same;
      }
      for (int i = 1; i < first.parts().size(); i++) {
        Verdict here = proportional(first, second, i);
        if (here != Verdict.EQUAL) {
          return here;
        }
      }
      return Verdict.EQUAL;
    }
    Shape.Ratio ratio = one instanceof Shape.Ratio first ? first : (Shape.Ratio) other;
    Shape value = one instanceof Shape.Ratio ? other : one;
    return ratio.parts().size() == 2
            && value instanceof Shape.Expression
            && ratio.parts().stream().allMatch(Shape.Expression.class::isInstance)
        ? compare(quotient(ratio, 0, 1), value)
        : Verdict.DIFFERENT;
  }

  private Verdict proportional(Shape.Ratio one, Shape.Ratio other, int part) {
    return one.parts().stream().allMatch(Shape.Expression.class::isInstance)
            && other.parts().stream().allMatch(Shape.Expression.class::isInstance)
        ? compare(quotient(one, 0, part), quotient(other, 0, part))
        : Verdict.DIFFERENT;
  }

  private static Shape quotient(Shape.Ratio ratio, int above, int below) {
    return new Shape.Expression(
        Operation.of(
            Operator.DIVIDE,
            ((Shape.Expression) ratio.parts().get(above)).node(),
            ((Shape.Expression) ratio.parts().get(below)).node()),
        "",
        false);
  }

  /** Hours and minutes, or these and seconds: 12:00 is not 24:00. */
  private static boolean time(Shape.Ratio ratio) {
    for (int i = 0; i < ratio.parts().size(); i++) {
      if (!(ratio.parts().get(i) instanceof Shape.Expression expression
          && expression.node() instanceof Node.Numeral number
          && number.decimals() == 0
          && number.value().signum() >= 0
          && number.value().intValue() < (i == 0 ? 25 : 60))) {
        return false;
      }
    }
    Node last = ((Shape.Expression) ratio.parts().get(ratio.parts().size() - 1)).node();
    return last instanceof Node.Numeral minutes && minutes.value().intValue() % 5 == 0;
  }

  // ---- equations and inequalities ----

  private static boolean inequality(Shape shape) {
    return shape instanceof Shape.Between
        || (shape instanceof Shape.Related related && !related.relator().equals("="))
        || (shape instanceof Shape.Several several
            && several.items().stream().allMatch(ShapeComparison::inequality));
  }

  /** Null where they are to be compared as they are. */
  private Verdict inequalities(Shape one, Shape other) {
    if (one instanceof Shape.Related first && other instanceof Shape.Related second) {
      return related(first, second);
    }
    Shape first = solved(one);
    Shape second = solved(other);
    if (first == null || second == null) {
      return one.getClass() == other.getClass() ? between(one, other) : null;
    }
    if (first == one && second == other) {
      return null;
    }
    return compare(first, second);
  }

  private Verdict between(Shape one, Shape other) {
    if (one instanceof Shape.Between first
        && other instanceof Shape.Between second
        && first.first().equals(second.first())
        && first.second().equals(second.second())) {
      return ordered(
          List.of(Shape.of(first.low()), Shape.of(first.middle()), Shape.of(first.high())),
          List.of(Shape.of(second.low()), Shape.of(second.middle()), Shape.of(second.high())));
    }
    return null;
  }

  /** The interval or union that an inequality in one variable says; null where it says none. */
  private static Shape solved(Shape shape) {
    if (shape instanceof Shape.Several several) {
      List<Shape> parts = new ArrayList<>();
      for (Shape item : several.items()) {
        Shape part = solved(item);
        if (part == null) {
          return null;
        }
        parts.add(part);
      }
      return inequality(shape) ? new Shape.Union(parts) : shape;
    } else if (shape instanceof Shape.Between between) {
      return between(between);
    } else if (shape instanceof Shape.Related related) {
      boolean leftNames = related.left() instanceof Node.Symbol && constant(related.right());
      boolean rightNames = related.right() instanceof Node.Symbol && constant(related.left());
      if (!leftNames && !rightNames) {
        return null;
      }
      Node bound = leftNames ? related.right() : related.left();
      String relator = leftNames ? related.relator() : flipped(related.relator());
      return switch (relator) {
        case "<" -> interval('(', new Node.Symbol("-∞"), bound, ')');
        case "leq" -> interval('(', new Node.Symbol("-∞"), bound, ']');
        case ">" -> interval('(', bound, new Node.Symbol(Evaluator.INFINITY), ')');
        case "geq" -> interval('[', bound, new Node.Symbol(Evaluator.INFINITY), ')');
        case "neq" ->
            new Shape.Union(
                List.of(
                    interval('(', new Node.Symbol("-∞"), bound, ')'),
                    interval('(', bound, new Node.Symbol(Evaluator.INFINITY), ')')));
        default -> null;
      };
    }
    return shape;
  }

  private static Shape between(Shape.Between between) {
    if (!(between.middle() instanceof Node.Symbol)
        || !constant(between.low())
        || !constant(between.high())) {
      return null;
    }
    boolean rising =
        Set.of("<", "leq").containsAll(Set.of(between.first()))
            && Set.of("<", "leq").contains(between.second());
    boolean falling =
        Set.of(">", "geq").contains(between.first())
            && Set.of(">", "geq").contains(between.second());
    if (!rising && !falling) {
      return null;
    }
    Node low = rising ? between.low() : between.high();
    Node high = rising ? between.high() : between.low();
    boolean lowIn = (rising ? between.first() : between.second()).endsWith("eq");
    boolean highIn = (rising ? between.second() : between.first()).endsWith("eq");
    return interval(lowIn ? '[' : '(', low, high, highIn ? ']' : ')');
  }

  private static boolean constant(Node node) {
    return Evaluator.variables(node).isEmpty();
  }

  private static Shape interval(char open, Node low, Node high, char close) {
    Node from =
        low instanceof Node.Symbol symbol && symbol.name().equals("-∞")
            ? Operation.of(Operator.NEGATE, new Node.Symbol(Evaluator.INFINITY))
            : low;
    return new Shape.Tuple(open, close, List.of(Shape.of(from), Shape.of(high)));
  }

  private static String flipped(String relator) {
    return switch (relator) {
      case "<" -> ">";
      case ">" -> "<";
      case "leq" -> "geq";
      case "geq" -> "leq";
      default -> relator;
    };
  }

  /**
   * Equal where one difference of the sides is a constant times the other, as for 2x = 4, x = 2.
   */
  private Verdict related(Shape.Related one, Shape.Related other) {
    boolean same = one.relator().equals(other.relator());
    boolean opposite = one.relator().equals(flipped(other.relator()));
    if (!same && !opposite) {
      return Verdict.DIFFERENT;
    }
    Node first = Operation.of(Operator.SUBTRACT, one.left(), one.right());
    Node second = Operation.of(Operator.SUBTRACT, other.left(), other.right());
    Set<String> variables = new TreeSet<>(Evaluator.variables(first));
    variables.addAll(Evaluator.variables(second));
    Value factor = null;
    int compared = 0;
    for (int point = 0; point < POINTS; point++) {
      Map<String, Value> at = point(variables, point);
      Value a = value(first, at);
      Value b = value(second, at);
      if (a == null || b == null) {
        continue;
      }
      if (factor == null && b.abs() > 1e-9) {
        factor = a.over(b);
      }
      if (factor == null || !a.near(b.times(factor))) {
        if (factor == null && a.abs() <= 1e-9) {
          continue;
        }
        return Verdict.DIFFERENT;
      }
      compared++;
    }
    if (compared < 2 || factor == null || factor.abs() < 1e-12) {
      return Verdict.UNDECIDED;
    }
    if (same && opposite) {
      return Verdict.EQUAL;
    }
    return verdict(factor.isReal() && (same ? factor.re() > 0 : factor.re() < 0));
  }

  // ---- expressions ----

  private Verdict expressions(Shape.Expression one, Shape.Expression other) {
    if (Units.exclude(one.unit(), other.unit())) {
      return Verdict.DIFFERENT;
    }
    Verdict plain = values(one.node(), other.node());
    if (plain == Verdict.EQUAL) {
      return plain;
    }
    boolean degrees = one.unit().equals(DEGREES);
    if (degrees != other.unit().equals(DEGREES)) {
      Verdict radians =
          degrees
              ? values(radians(one.node()), other.node())
              : values(one.node(), radians(other.node()));
      return radians == Verdict.EQUAL ? radians : plain;
    }
    if (one.percent() == other.percent()) {
      return plain;
    }
    // 20 % is 0.2, and where the question asks for percent also 20.
    return one.percent()
        ? values(hundredth(one.node()), other.node())
        : values(one.node(), hundredth(other.node()));
  }

  private static Node radians(Node node) {
    return Operation.of(Operator.DEGREES, node);
  }

  private static Node hundredth(Node node) {
    return Operation.of(Operator.PERCENT, node);
  }

  private Verdict values(Node one, Node other) {
    if (one.equals(other)) {
      return Verdict.EQUAL;
    }
    boolean infinite = infinite(one);
    if (infinite || infinite(other)) {
      return verdict(
          infinite == infinite(other)
              && (one instanceof Node.Symbol) == (other instanceof Node.Symbol));
    }
    Set<String> variables = new TreeSet<>(Evaluator.variables(one));
    variables.addAll(Evaluator.variables(other));
    return variables.isEmpty() ? constants(one, other) : functions(one, other, variables);
  }

  private static boolean infinite(Node node) {
    if (node instanceof Operation operation && operation.operator() == Operator.NEGATE) {
      return infinite(operation.arguments().get(0));
    }
    return node instanceof Node.Symbol symbol && symbol.name().equals(Evaluator.INFINITY);
  }

  /** Whether the values are the same, roundings apart. */
  boolean identical(Node one, Node other) {
    Set<String> variables = new TreeSet<>(Evaluator.variables(one));
    variables.addAll(Evaluator.variables(other));
    return functions(one, other, variables) == Verdict.EQUAL;
  }

  private Verdict constants(Node one, Node other) {
    Evaluator evaluator = new Evaluator(Map.of(), work);
    Evaluator.Result first;
    Evaluator.Result second;
    try {
      first = evaluator.result(one);
      second = evaluator.result(other);
    } catch (Work.Undecidable e) {
      work.spend(0);
      return Verdict.UNDECIDED;
    }
    if (first instanceof Evaluator.Scalar a && second instanceof Evaluator.Scalar b) {
      if (!a.value().isFinite() || !b.value().isFinite()) {
        return Verdict.UNDECIDED;
      }
      return verdict(
          a.value().near(b.value())
              || (literal(one) != null && AnswerComparison.rounds(literal(one), b.value()))
              || (literal(other) != null && AnswerComparison.rounds(literal(other), a.value())));
    }
    if (first instanceof Evaluator.Grid a && second instanceof Evaluator.Grid b) {
      if (a.rows().size() != b.rows().size() || a.columns() != b.columns()) {
        return Verdict.DIFFERENT;
      }
      for (int r = 0; r < a.rows().size(); r++) {
        for (int c = 0; c < a.columns(); c++) {
          if (!a.rows().get(r).get(c).near(b.rows().get(r).get(c))) {
            return Verdict.DIFFERENT;
          }
        }
      }
      return Verdict.EQUAL;
    }
    return Verdict.DIFFERENT;
  }

  /** The number that a node is as written; null where it is none. */
  private static Node.Numeral literal(Node node) {
    if (node instanceof Node.Numeral number) {
      return number;
    } else if (node instanceof Node.Measured measured) {
      return literal(measured.value());
    } else if (node instanceof Node.Brackets brackets && brackets.items().size() == 1) {
      return literal(brackets.items().get(0));
    }
    return null;
  }

  private Verdict functions(Node one, Node other, Set<String> variables) {
    int real = 0;
    int complex = 0;
    boolean realEqual = true;
    boolean complexEqual = true;
    boolean grids = false;
    for (int point = 0; point < POINTS; point++) {
      Map<String, Value> at = point(variables, point);
      Evaluator.Result first = result(one, at);
      Evaluator.Result second = result(other, at);
      if (first == null || second == null) {
        continue;
      }
      if (first instanceof Evaluator.Grid a && second instanceof Evaluator.Grid b) {
        grids = true;
        real++;
        realEqual &= near(a, b);
        continue;
      }
      if (!(first instanceof Evaluator.Scalar a && second instanceof Evaluator.Scalar b)) {
        return Verdict.DIFFERENT;
      }
      if (!a.value().isFinite() || !b.value().isFinite()) {
        continue;
      }
      boolean near = a.value().near(b.value());
      if (a.value().isReal() && b.value().isReal()) {
        real++;
        realEqual &= near;
      } else {
        complex++;
        complexEqual &= near;
      }
    }
    if (grids || real >= 2) {
      return verdict(realEqual);
    }
    return real + complex < 2 ? Verdict.UNDECIDED : verdict(realEqual && complexEqual);
  }

  private static boolean near(Evaluator.Grid one, Evaluator.Grid other) {
    if (one.rows().size() != other.rows().size() || one.columns() != other.columns()) {
      return false;
    }
    for (int r = 0; r < one.rows().size(); r++) {
      for (int c = 0; c < one.columns(); c++) {
        if (!one.rows().get(r).get(c).near(other.rows().get(r).get(c))) {
          return false;
        }
      }
    }
    return true;
  }

  private Evaluator.Result result(Node node, Map<String, Value> at) {
    try {
      return new Evaluator(at, work).result(node);
    } catch (Work.Undecidable e) {
      work.spend(0);
      return null;
    }
  }

  private Value value(Node node, Map<String, Value> at) {
    return result(node, at) instanceof Evaluator.Scalar scalar && scalar.value().isFinite()
        ? scalar.value()
        : null;
  }

  /** Fractions that no answer is made of, always the same ones for the same variables. */
  private static Map<String, Value> point(Set<String> variables, int number) {
    Map<String, Value> point = new HashMap<>();
    int index = 0;
    for (String variable : variables) {
      int mixed = (variable.hashCode() * 31 + number * 7_919 + index * 104_729) & 0x7fffffff;
      long above = 17L + mixed % 83;
      long below = new long[] {7, 11, 13, 19, 23}[(number + index) % 5];
      boolean negative = number >= 3 && (mixed >> 5) % 2 == number % 2;
      point.put(
          variable,
          Value.exact(
              java.math.BigInteger.valueOf(negative ? -above : above),
              java.math.BigInteger.valueOf(below)));
      index++;
    }
    return point;
  }
}
