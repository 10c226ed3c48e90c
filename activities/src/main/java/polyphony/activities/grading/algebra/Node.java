package polyphony.activities.grading.algebra;

import java.math.BigDecimal;
import java.util.List;

/** An answer as a tree. */
sealed interface Node {
  /**
   * @param decimals digits after the point as written; a number with some may be a rounded one
   */
  record Numeral(BigDecimal value, int decimals) implements Node {
    static Numeral of(long value) {
      return new Numeral(BigDecimal.valueOf(value), 0);
    }
  }

  /** A variable, with its index. */
  record Symbol(String name) implements Node {}

  record Operation(Operator operator, List<Node> arguments) implements Node {
    static Operation of(Operator operator, Node... arguments) {
      return new Operation(operator, List.of(arguments));
    }
  }

  /** A named function of one or more arguments. */
  record Call(String function, List<Node> arguments) implements Node {}

  record Matrix(List<List<Node>> rows) implements Node {}

  /** Parentheses or square brackets, not necessarily of the same kind: a group, tuple, interval. */
  record Brackets(char open, char close, List<Node> items) implements Node {}

  /** A set by its members. */
  record Braces(List<Node> items) implements Node {}

  /** Several answers side by side. */
  record Sequence(List<Node> items) implements Node {}

  /** {@code sides.get(0) relators.get(0) sides.get(1) …}. */
  record Relation(List<Node> sides, List<String> relators) implements Node {}

  record Words(String text) implements Node {}

  /** A number with what was measured. */
  record Measured(Node value, String unit) implements Node {}

  /** A number written in another base. */
  record Based(String digits, int base) implements Node {}

  /** Notation that is not interpreted. */
  record Unknown(String text) implements Node {}

  /** What takes arguments and is no named function. */
  enum Operator {
    ADD,
    SUBTRACT,
    NEGATE,
    MULTIPLY,
    DIVIDE,
    POWER,
    /** Index, then radicand. */
    ROOT,
    PLUS_MINUS,
    MINUS_PLUS,
    PERCENT,
    DEGREES,
    FACTORIAL,
    ABSOLUTE,
    FLOOR,
    CEILING,
    BINOMIAL,
    MODULO,
    DETERMINANT,
    RATIO,
    UNION,
    INTERSECTION,
    WITHOUT
  }
}
