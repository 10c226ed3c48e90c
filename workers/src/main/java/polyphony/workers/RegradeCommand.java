package polyphony.workers;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.regrade.Regrade;
import polyphony.activities.regrade.Regrading;

/** {@code polyphony re-grade}: what other grading would have made of a past experiment. */
@Command(
    name = "re-grade",
    header = "Shows what other grading makes of stored answers.",
    description = {
      "Reads and grades the answers of an experiment again, votes again, and shows what differs:"
          + " accuracy, consensus, verdicts, labels, and who would learn from what.",
      "",
      "Nothing is sampled, and the store is not changed. Without modes, this version grades in the"
          + " recorded ones: after an experiment of an earlier version, what the newer checker"
          + " changes."
    },
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony re-grade mine --extractor released-code --checker released-code",
      "  polyphony re-grade mine --json                # all that changes, by id"
    })
final class RegradeCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "Its name.")
  private String name;

  @Option(
      names = "--extractor",
      paramLabel = "MODE",
      completionCandidates = Choices.GradingModes.class,
      description =
          "How answers are read: default, or released-code, as the paper's released code does"
              + " (default: as recorded).")
  private String extractor;

  @Option(
      names = "--checker",
      paramLabel = "MODE",
      completionCandidates = Choices.GradingModes.class,
      description = "How answers are compared: default, or released-code (default: as recorded).")
  private String checker;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object, with everything that changes.")
  private boolean json;

  RegradeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    try (StoreAccess access = StoredExperiments.existing(Settings.of(console), store)) {
      Regrading regrading =
          new Regrade(access.objects(), access.artifacts()).of(name, extractor, checker);
      console.out().print(json ? PrettyJson.of(regrading) + "\n" : RegradingTable.of(regrading));
      return 0;
    }
  }
}
