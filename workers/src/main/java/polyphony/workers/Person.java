package polyphony.workers;

import java.util.Map;
import polyphony.storage.Worker;

/** Who gives a command, as a Temporal service records it beside what was asked for. */
final class Person {
  private Person() {}

  /** Such as {@code ada@node7}. */
  static String identity() {
    return System.getProperty("user.name") + "@" + Worker.here("", Map.of()).host();
  }
}
