package polyphony.activities.lm;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.tag.ElseTag;
import com.hubspot.jinjava.lib.tag.ForTag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import com.hubspot.jinjava.tree.parse.TagToken;
import com.hubspot.jinjava.util.ForLoop;
import com.hubspot.jinjava.util.LengthLimitingStringBuilder;
import com.hubspot.jinjava.util.ObjectTruthValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Jinja's loop. Jinjava's own passes over a condition and an else without an error, goes through
 * the values of a dictionary instead of its keys, and unpacks an item by reflection.
 */
final class TemplateLoop extends ForTag {
  private static final long serialVersionUID = 1L;

  /** Told before each item that is looked at, so that no loop is too long. */
  private final Consumer<JinjavaInterpreter> item;

  TemplateLoop(Consumer<JinjavaInterpreter> item) {
    this.item = item;
  }

  @Override
  @SuppressWarnings("try") // A scope ends where it is closed.
  public String interpretUnchecked(TagNode node, JinjavaInterpreter interpreter) {
    var parts = getLoopVarsAndExpression((TagToken) node.getMaster());
    List<String> variables = parts.getLeft();
    int condition = conditionAt(parts.getRight());
    String collection =
        condition < 0 ? parts.getRight() : parts.getRight().substring(0, condition).strip();
    List<Object> items = items(interpreter.resolveELExpression(collection, node.getLineNumber()));
    if (condition >= 0) {
      String test = parts.getRight().substring(condition + 2).strip();
      items = chosen(items, variables, test, interpreter, node.getLineNumber());
    }
    LengthLimitingStringBuilder text =
        new LengthLimitingStringBuilder(interpreter.getConfig().getMaxOutputSize());
    try (var scope = interpreter.enterScope()) {
      ForLoop loop = new ForLoop(items.iterator(), items.size());
      interpreter.getContext().put(LOOP, loop);
      while (loop.hasNext()) {
        item.accept(interpreter);
        bind(variables, loop.next(), interpreter);
        for (Node child : node.getChildren()) {
          if (isElse(child) || loop.isContinued()) {
            break;
          }
          text.append(child.render(interpreter));
        }
      }
    }
    if (items.isEmpty()) {
      boolean otherwise = false;
      for (Node child : node.getChildren()) {
        if (otherwise) {
          text.append(child.render(interpreter));
        }
        otherwise |= isElse(child);
      }
    }
    return text.toString();
  }

  @SuppressWarnings("try")
  private List<Object> chosen(
      List<Object> items,
      List<String> variables,
      String test,
      JinjavaInterpreter interpreter,
      int line) {
    List<Object> chosen = new ArrayList<>();
    try (var scope = interpreter.enterScope()) {
      for (Object each : items) {
        item.accept(interpreter);
        bind(variables, each, interpreter);
        if (ObjectTruthValue.evaluate(interpreter.resolveELExpression(test, line))) {
          chosen.add(each);
        }
      }
    }
    return chosen;
  }

  /** Where the condition's {@code if} stands, outside quotes and brackets; or -1. */
  static int conditionAt(String expression) {
    int depth = 0;
    char quote = 0;
    for (int i = 0; i < expression.length(); i++) {
      char character = expression.charAt(i);
      if (quote != 0) {
        if (character == '\\') {
          i++;
        } else if (character == quote) {
          quote = 0;
        }
      } else if (character == '\'' || character == '"') {
        quote = character;
      } else if ("([{".indexOf(character) >= 0) {
        depth++;
      } else if (")]}".indexOf(character) >= 0) {
        depth--;
      } else if (depth == 0
          && expression.startsWith("if", i)
          && boundary(expression, i - 1)
          && boundary(expression, i + 2)) {
        return i;
      }
    }
    return -1;
  }

  private static boolean boundary(String expression, int at) {
    return at < 0
        || at >= expression.length()
        || !Character.isJavaIdentifierPart(expression.charAt(at));
  }

  private static boolean isElse(Node node) {
    return node instanceof TagNode tag && tag.getName().equals(ElseTag.TAG_NAME);
  }

  /** What a loop goes through, which is what Jinja's {@code list} gives. */
  static List<Object> items(Object collection) {
    List<Object> items = new ArrayList<>();
    if (collection instanceof Map<?, ?> map) {
      items.addAll(map.keySet());
    } else if (collection instanceof Iterable<?> iterable) {
      iterable.forEach(items::add);
    } else if (collection instanceof CharSequence text) {
      text.codePoints().forEach(each -> items.add(Character.toString(each)));
    } else if (collection != null) {
      throw new TemplateValues.Refusal("it loops over what is no list");
    }
    TemplateValues.requireBoundedList(items.size());
    return items;
  }

  private static void bind(List<String> variables, Object value, JinjavaInterpreter interpreter) {
    if (variables.size() == 1) {
      interpreter.getContext().put(variables.get(0), interpreter.wrap(value));
      return;
    }
    List<?> parts =
        value instanceof Map.Entry<?, ?> entry
            ? List.of(entry.getKey(), entry.getValue())
            : value instanceof List<?> list ? list : List.of();
    if (parts.size() != variables.size()) {
      throw new TemplateValues.Refusal("a loop's items do not have " + variables.size() + " parts");
    }
    for (int i = 0; i < variables.size(); i++) {
      interpreter.getContext().put(variables.get(i), interpreter.wrap(parts.get(i)));
    }
  }
}
