package polyphony.activities.tasks;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import polyphony.storage.PolyphonyException;

/** The tasks that a spec can name. */
public final class Tasks {
  private static final Map<String, Task> TASKS = new TreeMap<>();

  static {
    for (Task task : List.of(new ArithmeticTask())) {
      TASKS.put(task.name(), task);
    }
  }

  private Tasks() {}

  /** All names, sorted. */
  public static List<String> names() {
    return List.copyOf(TASKS.keySet());
  }

  /**
   * @throws PolyphonyException CONFIG with the names that exist
   */
  public static Task named(String name) {
    Task task = name == null ? null : TASKS.get(name);
    if (task == null) {
      throw PolyphonyException.config(
          "there is no task \"" + name + "\"; task is one of " + String.join(", ", names()));
    }
    return task;
  }
}
