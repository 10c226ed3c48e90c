package polyphony.activities.grading.algebra;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import polyphony.activities.grading.algebra.Node.Operator;

/** Values of expressions at a point. */
final class Evaluator {
  static final String INFINITY = "∞";

  /** A result: one number, or a matrix of them. */
  sealed interface Result {}

  record Scalar(Value value) implements Result {}

  record Grid(List<List<Value>> rows) implements Result {
    int columns() {
      return rows.get(0).size();
    }
  }

  private final Map<String, Value> point;
  private final Work work;

  /**
   * @param point values of the variables
   */
  Evaluator(Map<String, Value> point, Work work) {
    this.point = point;
    this.work = work;
  }

  /** The variables of an expression. */
  static Set<String> variables(Node node) {
    Set<String> names = new TreeSet<>();
    collect(node, names);
    return names;
  }

  private static void collect(Node node, Set<String> names) {
    if (node instanceof Node.Symbol symbol) {
      if (!constant(symbol.name())) {
        names.add(symbol.name());
      }
    } else {
      children(node).forEach(each -> collect(each, names));
    }
  }

  private static boolean constant(String name) {
    return Set.of("π", "e", "i", INFINITY).contains(name);
  }

  static List<Node> children(Node node) {
    return switch (kind(node)) {
      case "operation" -> ((Node.Operation) node).arguments();
      case "call" -> ((Node.Call) node).arguments();
      case "brackets" -> ((Node.Brackets) node).items();
      case "braces" -> ((Node.Braces) node).items();
      case "sequence" -> ((Node.Sequence) node).items();
      case "relation" -> ((Node.Relation) node).sides();
      case "matrix" -> ((Node.Matrix) node).rows().stream().flatMap(List::stream).toList();
      case "measured" -> List.of(((Node.Measured) node).value());
      default -> List.of();
    };
  }

  private static String kind(Node node) {
    return node.getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT);
  }

  /**
   * @throws Work.Undecidable where the expression has no value here that can be known
   */
  Value number(Node node) {
    if (result(node) instanceof Scalar scalar) {
      return scalar.value();
    }
    throw new Work.Undecidable("a matrix where a number is meant");
  }

  Result result(Node node) {
    work.spend(3);
    if (node instanceof Node.Numeral number) {
      return scalar(Value.of(number.value()));
    } else if (node instanceof Node.Symbol symbol) {
      return scalar(symbol(symbol.name()));
    } else if (node instanceof Node.Measured measured) {
      return result(measured.value());
    } else if (node instanceof Node.Based based) {
      return scalar(based(based));
    } else if (node instanceof Node.Brackets brackets && brackets.items().size() == 1) {
      return result(brackets.items().get(0));
    } else if (node instanceof Node.Matrix matrix) {
      return new Grid(
          matrix.rows().stream().map(row -> row.stream().map(this::number).toList()).toList());
    } else if (node instanceof Node.Operation operation) {
      return operation(operation);
    } else if (node instanceof Node.Call call) {
      return scalar(call(call));
    }
    throw new Work.Undecidable("no expression");
  }

  private Scalar scalar(Value value) {
    work.spend(value.cost());
    return new Scalar(value);
  }

  private Value symbol(String name) {
    return switch (name) {
      case "π" -> Value.real(Math.PI);
      case "e" -> Value.real(Math.E);
      case "i" -> Value.I;
      case INFINITY -> Value.real(Double.POSITIVE_INFINITY);
      default -> {
        Value value = point.get(name);
        if (value == null) {
          throw new Work.Undecidable("a variable without a value");
        }
        yield value;
      }
    };
  }

  private static Value based(Node.Based based) {
    if (based.base() < 2 || based.base() > 36 || based.digits().contains(".")) {
      throw new Work.Undecidable("no such base");
    }
    try {
      return Value.exact(new BigInteger(based.digits(), based.base()), BigInteger.ONE);
    } catch (NumberFormatException e) {
      throw new Work.Undecidable("a digit that the base does not have");
    }
  }

  private Result operation(Node.Operation operation) {
    List<Result> arguments = operation.arguments().stream().map(this::result).toList();
    if (arguments.stream().anyMatch(Grid.class::isInstance)) {
      return grid(operation.operator(), arguments);
    }
    List<Value> values = new ArrayList<>();
    for (Result each : arguments) {
      values.add(((Scalar) each).value());
    }
    Value first = values.get(0);
    Value second = values.size() > 1 ? values.get(1) : null;
    work.spend(first.cost() * (second == null ? 1 : second.cost()));
    return scalar(
        switch (operation.operator()) {
          case ADD -> first.plus(second);
          case SUBTRACT -> first.minus(second);
          case NEGATE -> first.negate();
          case MULTIPLY -> first.times(second);
          case DIVIDE -> first.over(second);
          case RATIO -> ratio(values);
          case POWER -> power(first, second);
          case ROOT -> root(first, second);
          case PERCENT -> first.over(Value.of(100));
          case DEGREES -> first.times(Value.real(Math.PI / 180));
          case FACTORIAL -> factorial(first);
          case ABSOLUTE, DETERMINANT -> absolute(operation.operator(), first);
          case FLOOR -> rounded(first, false);
          case CEILING -> rounded(first, true);
          case BINOMIAL -> binomial(first, second);
          case MODULO -> modulo(first, second);
          default -> throw new Work.Undecidable("no number");
        });
  }

  private static Value ratio(List<Value> values) {
    if (values.size() != 2) {
      throw new Work.Undecidable("a ratio of several numbers");
    }
    return values.get(0).over(values.get(1));
  }

  private Value power(Value base, Value exponent) {
    work.spend(40);
    return base.power(exponent);
  }

  private static Value root(Value index, Value radicand) {
    Integer whole = index.small(1, 1_000);
    return whole != null ? radicand.root(whole) : radicand.power(index.inverse());
  }

  private static Value absolute(Operator operator, Value value) {
    if (operator == Operator.DETERMINANT) {
      return value;
    }
    return value.isExact()
        ? (value.above().signum() < 0 ? value.negate() : value)
        : Value.real(value.abs());
  }

  private static Value rounded(Value value, boolean up) {
    if (value.isExact()) {
      BigInteger[] parts = value.above().divideAndRemainder(value.below());
      int sign = parts[1].signum();
      BigInteger whole = parts[0];
      if (up && sign > 0) {
        whole = whole.add(BigInteger.ONE);
      } else if (!up && sign < 0) {
        whole = whole.subtract(BigInteger.ONE);
      }
      return Value.exact(whole, BigInteger.ONE);
    }
    return Value.real(up ? Math.ceil(value.re()) : Math.floor(value.re()));
  }

  private Value factorial(Value value) {
    Integer count = value.small(0, 300);
    if (count == null) {
      throw new Work.Undecidable("no factorial");
    }
    work.spend(4 * count);
    BigInteger product = BigInteger.ONE;
    for (int i = 2; i <= count; i++) {
      product = product.multiply(BigInteger.valueOf(i));
    }
    return Value.exact(product, BigInteger.ONE);
  }

  private Value binomial(Value above, Value below) {
    Integer n = above.small(0, 1_000);
    Integer k = below.small(0, 1_000);
    if (n == null || k == null) {
      throw new Work.Undecidable("no binomial coefficient");
    }
    work.spend(4 * k);
    BigInteger result = BigInteger.ONE;
    for (int i = 0; i < k; i++) {
      result = result.multiply(BigInteger.valueOf(n - i)).divide(BigInteger.valueOf(i + 1));
    }
    return Value.exact(result, BigInteger.ONE);
  }

  private static Value modulo(Value one, Value other) {
    if (!one.isInteger() || !other.isInteger() || other.above().signum() <= 0) {
      throw new Work.Undecidable("no remainder");
    }
    return Value.exact(one.above().mod(other.above()), BigInteger.ONE);
  }

  private Result grid(Operator operator, List<Result> arguments) {
    Result first = arguments.get(0);
    Result second = arguments.size() > 1 ? arguments.get(1) : null;
    switch (operator) {
      case ADD, SUBTRACT -> {
        if (first instanceof Grid one
            && second instanceof Grid other
            && one.rows().size() == other.rows().size()
            && one.columns() == other.columns()) {
          List<List<Value>> rows = new ArrayList<>();
          for (int r = 0; r < one.rows().size(); r++) {
            List<Value> row = new ArrayList<>();
            for (int c = 0; c < one.columns(); c++) {
              work.spend(10);
              Value a = one.rows().get(r).get(c);
              Value b = other.rows().get(r).get(c);
              row.add(operator == Operator.ADD ? a.plus(b) : a.minus(b));
            }
            rows.add(row);
          }
          return new Grid(rows);
        }
      }
      case MULTIPLY -> {
        if (first instanceof Grid one && second instanceof Grid other) {
          return product(one, other);
        } else if (first instanceof Scalar scale && second instanceof Grid other) {
          return scaled(other, scale.value());
        } else if (first instanceof Grid one && second instanceof Scalar scale) {
          return scaled(one, scale.value());
        }
      }
      case DIVIDE -> {
        if (first instanceof Grid one && second instanceof Scalar scale) {
          return scaled(one, scale.value().inverse());
        }
      }
      case NEGATE -> {
        return scaled((Grid) first, Value.of(-1));
      }
      case DETERMINANT, ABSOLUTE -> {
        return scalar(determinant((Grid) first));
      }
      default -> {}
    }
    throw new Work.Undecidable("no operation on matrices");
  }

  private Grid scaled(Grid grid, Value scale) {
    work.spend(10 * grid.rows().size() * grid.columns());
    return new Grid(
        grid.rows().stream().map(row -> row.stream().map(scale::times).toList()).toList());
  }

  private Grid product(Grid one, Grid other) {
    if (one.columns() != other.rows().size()) {
      throw new Work.Undecidable("matrices that do not fit");
    }
    List<List<Value>> rows = new ArrayList<>();
    for (List<Value> left : one.rows()) {
      List<Value> row = new ArrayList<>();
      for (int c = 0; c < other.columns(); c++) {
        Value sum = Value.ZERO;
        for (int k = 0; k < left.size(); k++) {
          work.spend(10);
          sum = sum.plus(left.get(k).times(other.rows().get(k).get(c)));
        }
        row.add(sum);
      }
      rows.add(row);
    }
    return new Grid(rows);
  }

  private Value determinant(Grid grid) {
    int size = grid.rows().size();
    if (size != grid.columns() || size > 6) {
      throw new Work.Undecidable("no determinant");
    }
    if (size == 1) {
      return grid.rows().get(0).get(0);
    }
    Value sum = Value.ZERO;
    for (int c = 0; c < size; c++) {
      work.spend(20);
      List<List<Value>> minor = new ArrayList<>();
      for (int r = 1; r < size; r++) {
        List<Value> row = new ArrayList<>(grid.rows().get(r));
        row.remove(c);
        minor.add(row);
      }
      Value term = grid.rows().get(0).get(c).times(determinant(new Grid(minor)));
      sum = c % 2 == 0 ? sum.plus(term) : sum.minus(term);
    }
    return sum;
  }

  private Value call(Node.Call call) {
    List<Value> values = call.arguments().stream().map(this::number).toList();
    Value first = values.get(0);
    work.spend(20);
    return switch (call.function()) {
      case "sin" -> sine(first);
      case "cos" -> cosine(first);
      case "tan" -> sine(first).over(cosine(first));
      case "sec" -> cosine(first).inverse();
      case "csc" -> sine(first).inverse();
      case "cot" -> cosine(first).over(sine(first));
      case "sinh" -> first.exponential().minus(first.negate().exponential()).over(Value.of(2));
      case "cosh" -> first.exponential().plus(first.negate().exponential()).over(Value.of(2));
      case "tanh" -> {
        Value up = first.exponential();
        Value down = first.negate().exponential();
        yield up.minus(down).over(up.plus(down));
      }
      case "arcsin" -> Value.real(Math.asin(real(first)));
      case "arccos" -> Value.real(Math.acos(real(first)));
      case "arctan" -> Value.real(Math.atan(real(first)));
      case "exp" -> first.exponential();
      case "ln" -> first.logarithm();
      case "lg" -> logarithm(Value.of(10), first);
      case "log" -> values.size() == 2 ? logarithm(first, values.get(1)) : first.logarithm();
      case "max" -> extreme(values, 1);
      case "min" -> extreme(values, -1);
      case "gcd" -> common(values, false);
      case "lcm" -> common(values, true);
      default -> throw new Work.Undecidable("an unknown function");
    };
  }

  /** Exact where the logarithm of a power is. */
  private static Value logarithm(Value base, Value of) {
    Value quotient = of.logarithm().over(base.logarithm());
    if (base.isExact() && of.isExact() && quotient.isFinite()) {
      long whole = Math.round(quotient.re());
      if (Math.abs(quotient.re() - whole) < 1e-9
          && Math.abs(whole) < 2_000
          && base.power(Value.of(whole)).near(of)) {
        return Value.of(whole);
      }
    }
    return quotient;
  }

  private static double real(Value value) {
    return value.isReal() ? value.re() : Double.NaN;
  }

  private static Value sine(Value z) {
    return z.im() == 0
        ? Value.real(Math.sin(z.re()))
        : Value.complex(Math.sin(z.re()) * Math.cosh(z.im()), Math.cos(z.re()) * Math.sinh(z.im()));
  }

  private static Value cosine(Value z) {
    return z.im() == 0
        ? Value.real(Math.cos(z.re()))
        : Value.complex(
            Math.cos(z.re()) * Math.cosh(z.im()), -Math.sin(z.re()) * Math.sinh(z.im()));
  }

  private static Value extreme(List<Value> values, int sign) {
    Value best = values.get(0);
    for (Value each : values) {
      if (sign * Double.compare(each.re(), best.re()) > 0) {
        best = each;
      }
    }
    return best;
  }

  private static Value common(List<Value> values, boolean multiple) {
    BigInteger result = null;
    for (Value each : values) {
      if (!each.isInteger()) {
        throw new Work.Undecidable("no integer");
      }
      BigInteger next = each.above().abs();
      if (result == null) {
        result = next;
      } else if (multiple) {
        BigInteger gcd = result.gcd(next);
        result = gcd.signum() == 0 ? BigInteger.ZERO : result.divide(gcd).multiply(next);
      } else {
        result = result.gcd(next);
      }
    }
    return Value.exact(result, BigInteger.ONE);
  }
}
