package polyphony.activities.lm;

import com.hubspot.jinjava.el.ext.JinjavaBeanELResolver;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.util.ForLoop;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELException;
import jinjava.javax.el.ELResolver;

/**
 * Everything that a chat template can reach from a value: entries of maps and lists, the loop
 * variable, and Python's string and dictionary methods by name. There is no reflection, so that a
 * template cannot get at Java.
 */
public final class TemplateValues extends ELResolver {
  private static final Set<String> ENGINE_TESTS = Set.of("evaluate", "evaluateNegated");

  /** The template engine calls its own filters and tests as methods; nothing else goes here. */
  private final ELResolver engine = new JinjavaBeanELResolver(true);

  private static final Pattern INDEX = Pattern.compile("-?[0-9]{1,8}");
  private static final long MAX_CHARACTERS = 1 << 24;
  private static final int MAX_ITEMS = 1 << 16;

  /** Characters that are compared where a text is searched for another, at worst. */
  private static final long MAX_COMPARED = 1 << 30;

  /** Why a template was stopped, in words that continue "the chat template cannot ...: ". */
  static final class Refusal extends ELException {
    private static final long serialVersionUID = 1L;

    Refusal(String message) {
      super(message);
    }
  }

  /** What {@code raise_exception(message)} in a template calls. */
  public static String raiseException(String message) {
    throw new Refusal(message);
  }

  @Override
  public Object getValue(ELContext context, Object base, Object property) {
    if (base == null || property == null) {
      return null;
    }
    context.setPropertyResolved(true);
    if (base instanceof Map<?, ?> map) {
      return map.get(property.toString());
    }
    // The engine hands an index over as a number or as its digits.
    if (INDEX.matcher(property.toString()).matches()) {
      int index = Integer.parseInt(property.toString());
      if (base instanceof List<?> list) {
        int position = index < 0 ? index + list.size() : index;
        return position >= 0 && position < list.size() ? list.get(position) : null;
      }
      if (base instanceof String string) {
        int position = index < 0 ? index + string.length() : index;
        return position >= 0 && position < string.length()
            ? string.substring(position, position + 1)
            : null;
      }
    }
    if (base instanceof ForLoop loop) {
      return switch (property.toString()) {
        case "index" -> loop.getIndex();
        case "index0" -> loop.getIndex0();
        case "revindex" -> loop.getRevindex();
        case "revindex0" -> loop.getRevindex0();
        case "length" -> loop.getLength();
        case "first" -> loop.isFirst();
        case "last" -> loop.isLast();
        default -> null;
      };
    }
    return null;
  }

  @Override
  public Object invoke(
      ELContext context, Object base, Object method, Class<?>[] types, Object[] arguments) {
    if (base == null || method == null) {
      throw new Refusal("it calls " + method + " on nothing");
    }
    TemplateWork.requireTime(JinjavaInterpreter.getCurrent());
    Object[] given = arguments == null ? new Object[0] : arguments;
    context.setPropertyResolved(true);
    if (base instanceof Map<?, ?> map) {
      return ofMap(map, method.toString(), given);
    }
    if (base instanceof String string) {
      return ofString(string, method.toString(), given);
    }
    boolean engineCall =
        (base instanceof Filter && method.equals("filter"))
            || (base instanceof ExpTest && ENGINE_TESTS.contains(method.toString()));
    if (engineCall) {
      return engine.invoke(context, base, method, types, arguments);
    }
    throw unknown(base, method);
  }

  private static Object ofMap(Map<?, ?> map, String method, Object[] arguments) {
    return switch (method) {
      case "get" -> {
        Object value = map.get(text(arguments, 0));
        yield value == null && arguments.length > 1 ? arguments[1] : value;
      }
      case "items" -> {
        List<Object> items = new ArrayList<>();
        map.forEach((key, value) -> items.add(Arrays.asList(key, value)));
        yield items;
      }
      case "keys" -> new ArrayList<Object>(map.keySet());
      case "values" -> new ArrayList<Object>(map.values());
      default -> throw unknown(map, method);
    };
  }

  private static Object ofString(String string, String method, Object[] arguments) {
    return switch (method) {
      case "strip" -> strip(string, arguments);
      case "lstrip" -> stripLeft(string, arguments);
      case "rstrip" -> stripRight(string, arguments);
      case "startswith" -> string.startsWith(text(arguments, 0));
      case "endswith" -> string.endsWith(text(arguments, 0));
      case "lower" -> string.toLowerCase(Locale.ROOT);
      case "upper" -> string.toUpperCase(Locale.ROOT);
      case "title" -> titled(string);
      case "capitalize" -> capitalized(string);
      case "replace" -> {
        requireAtMost(2, arguments, method);
        yield replaced(string, text(arguments, 0), text(arguments, 1));
      }
      case "split" -> split(string, arguments);
      default -> throw unknown(string, method);
    };
  }

  private static void requireAtMost(int count, Object[] arguments, String method) {
    if (arguments.length > count) {
      throw new Refusal(method + " with " + arguments.length + " arguments is not supported");
    }
  }

  /** Python's {@code strip}: white space, or the characters that are given. */
  static String strip(String string, Object[] characters) {
    return stripRight(stripLeft(string, characters), characters);
  }

  private static String stripLeft(String string, Object[] characters) {
    int from = 0;
    while (from < string.length() && strips(string.charAt(from), characters)) {
      from++;
    }
    return string.substring(from);
  }

  private static String stripRight(String string, Object[] characters) {
    int to = string.length();
    while (to > 0 && strips(string.charAt(to - 1), characters)) {
      to--;
    }
    return string.substring(0, to);
  }

  private static boolean strips(char character, Object[] characters) {
    boolean anySpace = characters.length == 0 || characters[0] == null;
    return anySpace ? isSpace(character) : characters[0].toString().indexOf(character) >= 0;
  }

  /** Python's {@code str.isspace}; Java's own leaves out the spaces that do not break a line. */
  private static boolean isSpace(char character) {
    return Character.isWhitespace(character)
        || Character.isSpaceChar(character)
        || character == '\u0085';
  }

  private static String titled(String string) {
    StringBuilder text = new StringBuilder();
    boolean inWord = false;
    for (int i = 0; i < string.length(); i++) {
      String character = string.substring(i, i + 1);
      text.append(inWord ? character.toLowerCase(Locale.ROOT) : character.toUpperCase(Locale.ROOT));
      inWord = Character.isLetter(string.charAt(i));
    }
    return text.toString();
  }

  private static String capitalized(String string) {
    return string.isEmpty()
        ? string
        : string.substring(0, 1).toUpperCase(Locale.ROOT)
            + string.substring(1).toLowerCase(Locale.ROOT);
  }

  static String replaced(String string, String old, String replacement) {
    if (old.isEmpty()) {
      throw new Refusal("it replaces an empty string");
    }
    requireSearchable(string, old);
    requireBounded((long) string.length() / old.length() * replacement.length());
    return string.replace(old, replacement);
  }

  static void requireBounded(long characters) {
    if (characters > MAX_CHARACTERS) {
      throw new Refusal("its strings grow too long");
    }
  }

  static void requireBoundedList(int items) {
    if (items > MAX_ITEMS) {
      throw new Refusal("its lists grow too long");
    }
  }

  private static void requireSearchable(String string, String part) {
    if ((long) string.length() * part.length() > MAX_COMPARED) {
      throw new Refusal("it searches for too long a text");
    }
  }

  private static List<String> split(String string, Object[] arguments) {
    requireAtMost(2, arguments, "split");
    List<String> parts = new ArrayList<>();
    if (arguments.length == 0) {
      StringBuilder part = new StringBuilder();
      for (char character : (string + " ").toCharArray()) {
        if (!isSpace(character)) {
          part.append(character);
        } else if (!part.isEmpty()) {
          parts.add(part.toString());
          requireBoundedList(parts.size());
          part.setLength(0);
        }
      }
      return parts;
    }
    String separator = text(arguments, 0);
    if (separator.isEmpty()) {
      throw new Refusal("it splits at an empty string");
    }
    requireSearchable(string, separator);
    long most =
        arguments.length > 1 && arguments[1] instanceof Number number && number.longValue() >= 0
            ? number.longValue()
            : Long.MAX_VALUE;
    int from = 0;
    for (int at = string.indexOf(separator);
        at >= 0 && parts.size() < most;
        at = string.indexOf(separator, from)) {
      parts.add(string.substring(from, at));
      requireBoundedList(parts.size());
      from = at + separator.length();
    }
    parts.add(string.substring(from));
    return parts;
  }

  static String text(Object[] arguments, int index) {
    if (index >= arguments.length || arguments[index] == null) {
      throw new Refusal("it calls a method without its argument");
    }
    return arguments[index].toString();
  }

  private static Refusal unknown(Object base, Object method) {
    return new Refusal(
        "it calls "
            + method
            + " on a "
            + (base instanceof String ? "string" : base instanceof Map ? "dictionary" : "value")
            + ", which is not supported");
  }

  @Override
  public Class<?> getType(ELContext context, Object base, Object property) {
    return Object.class;
  }

  @Override
  public void setValue(ELContext context, Object base, Object property, Object value) {
    throw new Refusal("it changes a value");
  }

  @Override
  public boolean isReadOnly(ELContext context, Object base, Object property) {
    return true;
  }

  @Override
  public Iterator<java.beans.FeatureDescriptor> getFeatureDescriptors(
      ELContext context, Object base) {
    return List.<java.beans.FeatureDescriptor>of().iterator();
  }

  @Override
  public Class<?> getCommonPropertyType(ELContext context, Object base) {
    return Object.class;
  }
}
