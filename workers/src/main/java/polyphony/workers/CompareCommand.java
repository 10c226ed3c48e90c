package polyphony.workers;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import polyphony.activities.compare.Comparison;
import polyphony.activities.compare.RecordedExperiment;
import polyphony.storage.PolyphonyException;

/**
 * {@code polyphony compare}: experiments of one store side by side, or methods, whose experiments
 * are run first.
 */
@Command(
    name = "compare",
    header = "Shows experiments side by side, or runs them first.",
    description = {
      "Shows experiments of a store with their differences paired by question; or, with --methods,"
          + " --tasks, --base-models, --seeds or --spec, runs every method on every task with every"
          + " seed first.",
      "",
      "Experiments that differ in their seed alone make one row. Every later row is compared with"
          + " the first, after equally many iterations. A rank such as 2-4 tells the places that"
          + " the 95 %% intervals of the paired differences leave open."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony compare multi-0 multi-1 multi-2 single-0 single-1 single-2",
      "  polyphony compare --methods debate,star --seeds 0,1,2 --csv > all.csv",
      "  polyphony compare --spec comparison.json --json",
      "",
      "Exit codes: 0 done; 2 the input must change; 1, 130 or 143: the same command again goes on."
    })
final class CompareCommand implements Callable<Integer> {
  private final Console console;
  private final RunCommand.Assembler assembler;

  @Spec private CommandSpec command;

  @Parameters(arity = "0..*", paramLabel = "EXPERIMENT", description = "Names of experiments.")
  private List<String> names = List.of();

  @ArgGroup(validate = false, heading = "%nWhat is run first:%n")
  private ComparisonArguments arguments = new ComparisonArguments();

  @Option(
      names = "--iterations",
      paramLabel = "L",
      description =
          "Run L iterations; of experiments that are there, look at the first L alone (0: at the"
              + " untuned societies).")
  private Integer iterations;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Mixin private ComparisonOutput output;

  CompareCommand(Console console, RunCommand.Assembler assembler) {
    this.console = console;
    this.assembler = assembler;
  }

  @Override
  public Integer call() throws Exception {
    if (iterations != null && iterations < 0) {
      throw PolyphonyException.config("--iterations is " + iterations + ", allowed: 0 or more");
    }
    boolean runs = arguments.given();
    if (runs == !names.isEmpty()) {
      throw PolyphonyException.config(
          runs
              ? "experiments are named, and others are to be run: leave the names out, or compare"
                  + " all of them by name"
              : "nothing is to be compared: name experiments (polyphony list shows them), or say"
                  + " what to run with --methods, --tasks, --seeds or --spec");
    }
    Comparison comparison =
        runs
            ? new ComparisonSession(console, assembler, store)
                .run(arguments.asked(console.in(), iterations), TypedCommand.of(command))
            : recorded();
    output.print(console.out(), comparison, ComparisonTable.of(comparison));
    return 0;
  }

  private Comparison recorded() {
    try (StoreAccess access = StoreAccess.open(Settings.of(console), store)) {
      return Comparison.of(
          names.stream()
              .map(name -> RecordedExperiment.read(access.objects(), access.artifacts(), name))
              .map(each -> iterations == null ? each : each.first(iterations))
              .toList());
    }
  }
}
