package polyphony.workers;

import java.io.PrintStream;
import java.util.Map;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;
import polyphony.activities.compare.Comparison;
import polyphony.storage.PolyphonyException;

/** In which form a command prints a comparison. */
final class ComparisonOutput {
  @ArgGroup private Form form = new Form();

  private static final class Form {
    @Option(names = "--json", description = "Print the comparison as one JSON object.")
    private boolean json;

    @Option(names = "--csv", description = "Print it as CSV, one line per method and iteration.")
    private boolean csv;
  }

  /** A list of what there is to compare. */
  void print(PrintStream out, Map<String, String> titles) {
    if (form.json) {
      out.println(PrettyJson.of(titles));
    } else if (form.csv) {
      throw PolyphonyException.config("--csv is for a comparison; the list is text or --json");
    } else {
      titles.forEach((name, title) -> out.println(name + " ".repeat(11 - name.length()) + title));
    }
  }

  /**
   * @param table what people read
   */
  void print(PrintStream out, Comparison comparison, String table) {
    out.print(
        form.json
            ? PrettyJson.of(comparison) + "\n"
            : form.csv ? ComparisonCsv.of(comparison) : table);
    out.flush();
  }
}
