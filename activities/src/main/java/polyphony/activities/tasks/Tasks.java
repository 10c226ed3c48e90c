package polyphony.activities.tasks;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import polyphony.activities.grading.Grader;
import polyphony.activities.grading.Graders;
import polyphony.storage.PolyphonyException;

/** The tasks that a spec can name without importing anything under another name. */
public final class Tasks {
  /** Makes its own questions, and reads answers in its own dialect. */
  public static final String ARITHMETIC = "arithmetic";

  /** Kinds of answers of the published tasks, whose questions are imported. */
  private static final Map<String, String> PUBLISHED =
      new TreeMap<>(Map.of("gsm8k", "number", "math", "math", "mmlu", "choice"));

  private Tasks() {}

  /** All names, sorted. */
  public static List<String> names() {
    TreeMap<String, String> names = new TreeMap<>(PUBLISHED);
    names.put(ARITHMETIC, "");
    return List.copyOf(names.keySet());
  }

  /** Names of those whose questions others published, sorted. */
  public static List<String> published() {
    return List.copyOf(PUBLISHED.keySet());
  }

  /**
   * What kind of answers a published task has.
   *
   * @throws PolyphonyException CONFIG with the names that exist
   */
  public static String answers(String name) {
    String kind = PUBLISHED.get(name);
    if (kind == null) {
      throw PolyphonyException.config(
          "there is no task \"" + name + "\"; task is one of " + String.join(", ", names()));
    }
    return kind;
  }

  /** A kind of answers with the version of what reads and compares them, as specs record it. */
  public static String versioned(String kind) {
    return kind + "-" + Graders.VERSION;
  }

  /**
   * The same answers, read and compared as this version does, perhaps in other modes.
   *
   * @param grading as for {@link #grader}; a version in it may be an earlier one
   * @param extractor mode; null: as in {@code grading}
   * @param checker mode; null: as in {@code grading}
   */
  public static String regraded(String grading, String extractor, String checker) {
    List<String> parts = List.of(grading.split("/", -1));
    boolean modes = parts.size() == 3;
    String read = extractor != null ? extractor : modes ? parts.get(1) : Graders.DEFAULT;
    String compared = checker != null ? checker : modes ? parts.get(2) : Graders.DEFAULT;
    String unversioned = parts.get(0).replaceFirst("-[0-9]{1,9}$", "");
    boolean versioned = !unversioned.equals(parts.get(0)) && Graders.kinds().contains(unversioned);
    String name = versioned ? versioned(unversioned) : parts.get(0);
    return read.equals(Graders.DEFAULT) && compared.equals(Graders.DEFAULT)
        ? name
        : name + "/" + read + "/" + compared;
  }

  /**
   * What reads and compares answers.
   *
   * @param grading a task, a kind of answers, or one of these with extractor and checker, such as
   *     {@code math-1/released-code/default}
   * @throws PolyphonyException CONFIG with the names that exist
   */
  public static Grader grader(String grading) {
    List<String> parts = grading == null ? List.of() : List.of(grading.split("/", -1));
    if (parts.size() != 1 && parts.size() != 3) {
      return Graders.of(answers(String.valueOf(grading)), Graders.DEFAULT, Graders.DEFAULT);
    }
    String extractor = parts.size() == 3 ? parts.get(1) : Graders.DEFAULT;
    String checker = parts.size() == 3 ? parts.get(2) : Graders.DEFAULT;
    String name = parts.get(0);
    if (name.equals(ARITHMETIC)) {
      return Graders.in(new ArithmeticTask(), extractor, checker);
    }
    return Graders.of(kind(name), extractor, checker);
  }

  private static String kind(String name) {
    String suffix = "-" + Graders.VERSION;
    String unversioned =
        name.endsWith(suffix) ? name.substring(0, name.length() - suffix.length()) : name;
    if (Graders.kinds().contains(unversioned)) {
      return unversioned;
    }
    return answers(name);
  }
}
