package polyphony.workers;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.compare.Comparison;
import polyphony.activities.compare.RecordedExperiment;
import polyphony.storage.PolyphonyException;

/** {@code polyphony compare}: experiments of one store side by side. */
@Command(
    name = "compare",
    description = {
      "Shows experiments of a store side by side, with differences paired by question.",
      "",
      "Experiments that differ in their seed alone make one row. Every later row is compared with"
          + " the first, after equally many iterations."
    },
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Example:",
      "  polyphony compare multi-0 multi-1 multi-2 single-0 single-1 single-2"
    })
final class CompareCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(arity = "1..*", paramLabel = "EXPERIMENT", description = "Names of experiments.")
  private List<String> names;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(
      names = "--iterations",
      paramLabel = "L",
      description = "Look at the first L iterations alone; 0: at the untuned societies.")
  private Integer iterations;

  @Option(names = "--json", description = "Print the comparison as one JSON object.")
  private boolean json;

  CompareCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (iterations != null && iterations < 0) {
      throw PolyphonyException.config("--iterations is " + iterations + ", allowed: 0 or more");
    }
    try (StoreAccess access = StoreAccess.open(Settings.of(console), store)) {
      Comparison comparison =
          Comparison.of(
              names.stream()
                  .map(name -> RecordedExperiment.read(access.objects(), access.artifacts(), name))
                  .map(each -> iterations == null ? each : each.first(iterations))
                  .toList());
      console.out().print(json ? PrettyJson.of(comparison) + "\n" : ComparisonTable.of(comparison));
      return 0;
    }
  }
}
