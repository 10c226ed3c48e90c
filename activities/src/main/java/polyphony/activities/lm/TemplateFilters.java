package polyphony.activities.lm;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** Jinja's filters of which Jinjava lacks one, or has one that gives another text. */
final class TemplateFilters {
  private static final int DEEPEST = 16;
  private static final ObjectMapper JSON = new ObjectMapper();

  static final List<Filter> ALL =
      List.of(
          filter(
              "replace",
              (value, arguments) ->
                  value == null
                      ? null
                      : TemplateValues.replaced(
                          value.toString(),
                          TemplateValues.text(arguments, 0),
                          TemplateValues.text(arguments, 1))),
          filter(
              "trim",
              (value, arguments) ->
                  value == null ? "" : TemplateValues.strip(value.toString(), arguments)),
          filter("list", (value, arguments) -> TemplateLoop.items(value)),
          filter("items", (value, arguments) -> items(value)),
          filter("tojson", TemplateFilters::json));

  private TemplateFilters() {}

  private static Filter filter(String name, BiFunction<Object, Object[], Object> function) {
    return new Filter() {
      @Override
      public String getName() {
        return name;
      }

      @Override
      public Object filter(Object value, JinjavaInterpreter interpreter, String... arguments) {
        return function.apply(value, arguments);
      }
    };
  }

  private static List<Object> items(Object value) {
    List<Object> items = new ArrayList<>();
    if (value instanceof Map<?, ?> map) {
      map.forEach((key, each) -> items.add(Arrays.asList(key, each)));
    } else if (value != null) {
      throw new TemplateValues.Refusal("items needs a dictionary");
    }
    return items;
  }

  /** As Python's {@code json.dumps(value, ensure_ascii=False)}. */
  private static String json(Object value, Object[] arguments) {
    if (arguments.length > 0) {
      throw new TemplateValues.Refusal("tojson with arguments is not supported");
    }
    StringBuilder text = new StringBuilder();
    write(value, text, 0);
    return text.toString();
  }

  private static void write(Object value, StringBuilder text, int depth) {
    if (depth > DEEPEST) {
      throw new TemplateValues.Refusal("tojson is given what is nested too deeply");
    }
    if (value instanceof Map<?, ?> map) {
      text.append('{');
      String separator = "";
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        text.append(separator).append(quoted(String.valueOf(entry.getKey()))).append(": ");
        write(entry.getValue(), text, depth + 1);
        separator = ", ";
      }
      text.append('}');
    } else if (value instanceof Iterable<?> iterable) {
      text.append('[');
      String separator = "";
      for (Object each : iterable) {
        text.append(separator);
        write(each, text, depth + 1);
        separator = ", ";
      }
      text.append(']');
    } else if (value == null || value instanceof Number || value instanceof Boolean) {
      text.append(value);
    } else {
      text.append(quoted(value.toString()));
    }
    TemplateValues.requireBounded(text.length());
  }

  private static String quoted(String string) {
    try {
      return JSON.writeValueAsString(string);
    } catch (JsonProcessingException e) {
      throw new TemplateValues.Refusal("tojson cannot write a string");
    }
  }
}
