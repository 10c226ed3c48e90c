package polyphony.workers;

import java.io.PrintStream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;
import polyphony.activities.compare.Comparison;

/** In which form a command prints a comparison. */
final class ComparisonOutput {
  @ArgGroup private Form form = new Form();

  private static final class Form {
    @Option(names = "--json", description = "Print the comparison as one JSON object.")
    private boolean json;

    @Option(names = "--csv", description = "Print it as CSV, one line per method and iteration.")
    private boolean csv;
  }

  /** Whether programs read it. */
  boolean forPrograms() {
    return form.json || form.csv;
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
