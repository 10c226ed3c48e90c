package polyphony.activities.grading.algebra;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import polyphony.activities.grading.algebra.Node.Operation;
import polyphony.activities.grading.algebra.Node.Operator;

/** What an answer consists of, once notation that says nothing is gone. */
sealed interface Shape {
  /**
   * An expression with a value.
   *
   * @param unit what was measured; empty where nothing is said
   * @param percent whether it is given in percent
   */
  record Expression(Node node, String unit, boolean percent) implements Shape {}

  /** Answers side by side, in no order that counts. */
  record Several(List<Shape> items) implements Shape {}

  record SetOf(List<Shape> items) implements Shape {}

  /** A tuple, a vector or an interval. */
  record Tuple(char open, char close, List<Shape> items) implements Shape {}

  record Union(List<Shape> parts) implements Shape {}

  record Ratio(List<Shape> parts) implements Shape {}

  /** {@code name = value}. */
  record Named(Node name, Shape value) implements Shape {}

  /** {@code left = right} or an inequality, of expressions. */
  record Related(Node left, String relator, Node right) implements Shape {}

  /** {@code a < x < b}. */
  record Between(Node low, String first, Node middle, String second, Node high) implements Shape {}

  record Text(String text) implements Shape {}

  record Unreadable(Node node) implements Shape {}

  static Shape of(Node node) {
    return of(node, 0);
  }

  private static Shape of(Node node, int depth) {
    if (depth > Work.MAX_DEPTH) {
      throw new Work.Undecidable("too deep");
    }
    if (node instanceof Node.Sequence sequence) {
      return several(sequence.items(), depth);
    } else if (node instanceof Node.Braces braces) {
      return new SetOf(flat(braces.items(), depth));
    } else if (node instanceof Node.Brackets brackets) {
      if (brackets.items().size() == 1) {
        return of(brackets.items().get(0), depth + 1);
      }
      return new Tuple(
          brackets.open(),
          brackets.close(),
          brackets.items().stream().map(each -> of(each, depth + 1)).toList());
    } else if (node instanceof Node.Relation relation) {
      return relation(relation, depth);
    } else if (node instanceof Node.Words words) {
      return new Text(words.text());
    } else if (node instanceof Node.Measured measured) {
      return withUnit(of(measured.value(), depth + 1), measured.unit());
    } else if (node instanceof Operation operation) {
      return operation(operation, depth);
    } else if (node instanceof Node.Unknown) {
      return new Unreadable(node);
    }
    return new Expression(node, "", false);
  }

  private static Shape withUnit(Shape shape, String unit) {
    return shape instanceof Expression expression
        ? new Expression(expression.node(), unit, expression.percent())
        : shape;
  }

  private static Shape operation(Operation operation, int depth) {
    switch (operation.operator()) {
      case PERCENT -> {
        return new Expression(operation.arguments().get(0), "", true);
      }
      case DEGREES -> {
        return new Expression(operation.arguments().get(0), "degrees", false);
      }
      case UNION -> {
        List<Shape> parts = new ArrayList<>();
        for (Node part : operation.arguments()) {
          Shape shape = of(part, depth + 1);
          if (shape instanceof Union union) {
            parts.addAll(union.parts());
          } else {
            parts.add(shape);
          }
        }
        return new Union(parts);
      }
      case RATIO -> {
        return new Ratio(operation.arguments().stream().map(each -> of(each, depth + 1)).toList());
      }
      case PLUS_MINUS, MINUS_PLUS, ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATE, POWER, ROOT -> {
        if (alternates(operation)) {
          return new Several(
              List.of(
                  new Expression(chosen(operation, true), "", false),
                  new Expression(chosen(operation, false), "", false)));
        }
        return new Expression(operation, "", false);
      }
      default -> {
        return new Expression(operation, "", false);
      }
    }
  }

  private static boolean alternates(Node node) {
    return (node instanceof Operation operation
            && (operation.operator() == Operator.PLUS_MINUS
                || operation.operator() == Operator.MINUS_PLUS))
        || ((node instanceof Operation
                || node instanceof Node.Call
                || node instanceof Node.Brackets)
            && Evaluator.children(node).stream().anyMatch(Shape::alternates));
  }

  /** The expression with its upper or its lower signs. */
  private static Node chosen(Node node, boolean upper) {
    if (node instanceof Operation operation) {
      List<Node> arguments =
          operation.arguments().stream().map(each -> chosen(each, upper)).toList();
      return new Operation(
          switch (operation.operator()) {
            case PLUS_MINUS -> upper ? Operator.ADD : Operator.SUBTRACT;
            case MINUS_PLUS -> upper ? Operator.SUBTRACT : Operator.ADD;
            default -> operation.operator();
          },
          arguments);
    } else if (node instanceof Node.Call call) {
      return new Node.Call(
          call.function(), call.arguments().stream().map(each -> chosen(each, upper)).toList());
    } else if (node instanceof Node.Brackets brackets) {
      return new Node.Brackets(
          brackets.open(),
          brackets.close(),
          brackets.items().stream().map(each -> chosen(each, upper)).toList());
    }
    return node;
  }

  private static Shape several(List<Node> nodes, int depth) {
    List<Shape> items = flat(nodes, depth);
    return items.size() == 1 ? items.get(0) : new Several(items);
  }

  private static List<Shape> flat(List<Node> nodes, int depth) {
    List<Shape> items = new ArrayList<>();
    for (Node node : nodes) {
      if (nodes.size() > 1 && condition(node)) {
        continue;
      }
      Shape shape = of(node, depth + 1);
      if (shape instanceof Several several) {
        items.addAll(several.items());
      } else if (shape instanceof Named named && named.value() instanceof Several several) {
        several.items().forEach(each -> items.add(new Named(named.name(), each)));
      } else {
        items.add(shape);
      }
    }
    return items;
  }

  /** What a variable in an answer stands for, as in "kπ, k an integer". */
  private static boolean condition(Node node) {
    return node instanceof Node.Relation relation
        && relation.relators().equals(List.of("in"))
        && relation.sides().get(1) instanceof Node.Symbol set
        && Set.of("Z", "N", "Q", "R", "C").contains(set.name());
  }

  private static Shape relation(Node.Relation relation, int depth) {
    List<Node> sides = relation.sides();
    List<String> relators = relation.relators();
    int approximated = relators.indexOf("approx");
    if (approximated > 0) {
      return relation(
          new Node.Relation(sides.subList(0, approximated + 1), relators.subList(0, approximated)),
          depth);
    }
    if (approximated == 0) {
      boolean name = name(sides.get(0)) || sides.get(0) instanceof Node.Unknown;
      Node value = sides.get(name ? 1 : 0);
      return name ? new Named(sides.get(0), of(value, depth + 1)) : of(value, depth + 1);
    }
    int last = sides.size() - 1;
    if (relators.stream().allMatch("="::equals)) {
      return equation(sides, depth);
    }
    if (relators.size() == 1 && relators.get(0).equals("in")) {
      return new Named(sides.get(0), of(sides.get(1), depth + 1));
    }
    if (Set.of("to", "rightarrow", "Rightarrow", "implies", "iff")
        .contains(relators.get(last - 1))) {
      return of(sides.get(last), depth + 1);
    }
    if (relators.size() == 1) {
      return new Related(sides.get(0), relators.get(0), sides.get(1));
    }
    if (relators.size() == 2) {
      return new Between(
          sides.get(0), relators.get(0), sides.get(1), relators.get(1), sides.get(2));
    }
    return new Unreadable(relation);
  }

  private static Shape equation(List<Node> sides, int depth) {
    Node first = sides.get(0);
    Node last = sides.get(sides.size() - 1);
    if (name(first) || first instanceof Node.Unknown) {
      return new Named(first, of(last, depth + 1));
    }
    if (sides.size() == 2
        && name(last)
        && !Evaluator.variables(first).stream().anyMatch(Evaluator.variables(last)::contains)) {
      return new Named(last, of(first, depth + 1));
    }
    boolean computed = sides.stream().allMatch(each -> Evaluator.variables(each).isEmpty());
    if (computed || opaque(first)) {
      return of(last, depth + 1);
    }
    return new Related(first, "=", last);
  }

  private static boolean opaque(Node node) {
    return node instanceof Node.Unknown
        || node instanceof Node.Words
        || derivative(node)
        || Evaluator.children(node).stream().anyMatch(Shape::opaque);
  }

  /** The sign d/dx: what it is applied to is not the answer. */
  private static boolean derivative(Node node) {
    return node instanceof Operation quotient
        && quotient.operator() == Operator.DIVIDE
        && quotient.arguments().get(0).equals(new Node.Symbol("d"))
        && quotient.arguments().get(1) instanceof Operation below
        && below.operator() == Operator.MULTIPLY
        && below.arguments().get(0).equals(new Node.Symbol("d"));
  }

  /** Whether it names a quantity: x, x_1, f(x), AB, |AB|, A:B, (p, q, r). */
  static boolean name(Node node) {
    if (node instanceof Node.Symbol symbol) {
      return !Set.of("π", "e", "i", "∞").contains(symbol.name());
    } else if (node instanceof Node.Words || node instanceof Node.Unknown) {
      return true;
    } else if (node instanceof Node.Brackets brackets) {
      return brackets.items().stream().allMatch(Shape::name);
    } else if (node instanceof Node.Measured measured) {
      return name(measured.value());
    } else if (node instanceof Operation operation) {
      List<Node> arguments = operation.arguments();
      return switch (operation.operator()) {
        case RATIO -> arguments.stream().allMatch(Shape::name);
        case ABSOLUTE -> name(arguments.get(0));
        case MULTIPLY -> function(arguments) || segment(operation);
        default -> false;
      };
    }
    return false;
  }

  /** f(x), f^{-1}(x), P(A), f(2). */
  private static boolean function(List<Node> factors) {
    Node head = factors.get(0);
    if (head instanceof Operation power && power.operator() == Operator.POWER) {
      head = power.arguments().get(0);
    }
    return head instanceof Node.Symbol && factors.get(1) instanceof Node.Brackets;
  }

  /** Letters of points side by side: AB, \angle ABC. */
  private static boolean segment(Node node) {
    if (node instanceof Operation operation && operation.operator() == Operator.MULTIPLY) {
      return operation.arguments().stream().allMatch(Shape::segment);
    }
    return (node instanceof Node.Symbol symbol && Character.isUpperCase(symbol.name().charAt(0)))
        || node instanceof Node.Unknown;
  }
}
