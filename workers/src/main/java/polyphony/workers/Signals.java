package polyphony.workers;

import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * Signals that ask a process to end, taken by somebody until this is closed. A shutdown hook would
 * see the first one only, and run beside the hooks of native libraries.
 *
 * <p>By reflection, since the compiler cannot be told to be silent about {@code sun.misc.Signal},
 * the only class for this.
 */
public final class Signals implements AutoCloseable {
  /** SIGTERM, Ctrl-C, and a terminal that is closed. */
  private static final List<String> ENDING = List.of("TERM", "INT", "HUP");

  /** Who took them before. */
  private final Map<Object, Object> before = new LinkedHashMap<>();

  private Signals() {}

  /**
   * @param handler called on a thread of its own, with the exit status that a shell reports for a
   *     process that the signal ended
   */
  static Signals take(IntConsumer handler) {
    Signals signals = new Signals();
    for (String name : ENDING) {
      try {
        Object signal = signal(name);
        signals.before.put(signal, handle(signal, handler(handler)));
      } catch (ReflectiveOperationException e) {
        throw unavailable(e);
      }
    }
    return signals;
  }

  /** Ends this process as {@code kill -9} does: no hook and no native library gets a say. */
  public static void killThisProcess() {
    try {
      Class<?> type = Class.forName("sun.misc.Signal");
      type.getMethod("raise", type).invoke(null, signal("KILL"));
    } catch (ReflectiveOperationException e) {
      Runtime.getRuntime().halt(128 + 9);
    }
  }

  private static Object signal(String name) throws ReflectiveOperationException {
    return Class.forName("sun.misc.Signal").getConstructor(String.class).newInstance(name);
  }

  private static Object handler(IntConsumer handler) throws ClassNotFoundException {
    return Proxy.newProxyInstance(
        Signals.class.getClassLoader(),
        new Class<?>[] {Class.forName("sun.misc.SignalHandler")},
        (proxy, method, arguments) ->
            switch (method.getName()) {
              case "handle" -> {
                Object number = arguments[0].getClass().getMethod("getNumber").invoke(arguments[0]);
                handler.accept(128 + (Integer) number);
                yield null;
              }
              case "equals" -> proxy == arguments[0];
              case "hashCode" -> System.identityHashCode(proxy);
              default -> "a handler of Polyphony";
            });
  }

  /**
   * @return the handler before
   */
  private static Object handle(Object signal, Object handler) throws ReflectiveOperationException {
    return signal
        .getClass()
        .getMethod("handle", signal.getClass(), Class.forName("sun.misc.SignalHandler"))
        .invoke(null, signal, handler);
  }

  private static PolyphonyException unavailable(ReflectiveOperationException e) {
    return new PolyphonyException(
        ErrorClass.CONFIG,
        "this Java lets no program take signals; use a JDK with the module jdk.unsupported, and no"
            + " -Xrs",
        e);
  }

  @Override
  public void close() {
    before.forEach(
        (signal, handler) -> {
          try {
            handle(signal, handler);
          } catch (ReflectiveOperationException e) {
            throw unavailable(e);
          }
        });
  }
}
