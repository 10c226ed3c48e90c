package polyphony.workers;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ComparisonSpec;

/**
 * A table or a figure of the paper as a comparison: {@code reproductions/<name>.json}.
 *
 * @param title what the paper calls it
 * @param note where this differs from the paper, or null
 * @param series what a figure shows over iterations; null: a table of final accuracies
 * @param comparison with the paper's models and tasks, which must have been imported
 * @param miniature with the built-in model
 */
record Reproduction(
    String title,
    String note,
    List<Measure> series,
    ComparisonSpec comparison,
    ComparisonSpec miniature) {
  private static final JsonMapper JSON = new JsonMapper();

  /** All tables and figures with numbers, in the paper's order. */
  static final List<String> NAMES = names();

  private static List<String> names() {
    List<String> names = new ArrayList<>();
    IntStream.rangeClosed(1, 7).forEach(each -> names.add("table-" + each));
    names.add("figure-1");
    // The second is a drawing.
    IntStream.rangeClosed(3, 13).forEach(each -> names.add("figure-" + each));
    return List.copyOf(names);
  }

  /**
   * @throws PolyphonyException CONFIG where there is no such table or figure
   */
  static Reproduction named(String name) {
    if (!NAMES.contains(name)) {
      throw PolyphonyException.config(
          "there is no " + name + " to reproduce, allowed: " + String.join(", ", NAMES));
    }
    try (InputStream in =
        Reproduction.class.getResourceAsStream("reproductions/" + name + ".json")) {
      return JSON.readValue(in, Reproduction.class);
    } catch (IOException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot read the spec of " + name, e);
    }
  }
}
