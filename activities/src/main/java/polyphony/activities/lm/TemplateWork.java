package polyphony.activities.lm;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import java.time.Duration;
import java.util.Map;

/**
 * What one rendering of a template may still do. The count of what it visits is what stops a
 * template, equally on every machine; the time is for work that the count does not see, and long
 * enough for slow machines not to notice it.
 */
final class TemplateWork {
  private static final String NAME = "__work";
  private static final int MAX_NODES = 20_000;

  private final long end;
  private int nodes;

  TemplateWork(Duration longest) {
    end = System.nanoTime() + longest.toNanos();
  }

  /** Binds this to a rendering. */
  void bindTo(Map<String, Object> bindings) {
    bindings.put(NAME, this);
  }

  /** Called before each node and each item of a loop. */
  static void countNode(JinjavaInterpreter interpreter) {
    TemplateWork work = of(interpreter);
    work.requireTime();
    if (++work.nodes > MAX_NODES) {
      throw tooLong();
    }
  }

  /** Called within an expression. */
  static void requireTime(JinjavaInterpreter interpreter) {
    of(interpreter).requireTime();
  }

  private void requireTime() {
    if (System.nanoTime() - end > 0) {
      throw tooLong();
    }
  }

  private static TemplateWork of(JinjavaInterpreter interpreter) {
    // A template may give the name another value.
    if (interpreter.getContext().get(NAME) instanceof TemplateWork work) {
      return work;
    }
    throw tooLong();
  }

  private static TemplateValues.Refusal tooLong() {
    return new TemplateValues.Refusal("it works for too long");
  }

  /** A template can print it, and equal messages give equal prompts. */
  @Override
  public String toString() {
    return "";
  }
}
