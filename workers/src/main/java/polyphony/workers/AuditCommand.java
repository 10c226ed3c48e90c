package polyphony.workers;

import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.audit.AuditReport;
import polyphony.activities.audit.ExperimentAudit;
import polyphony.activities.audit.Histories;
import polyphony.activities.audit.HistoryArchive;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Steps;
import polyphony.storage.Worker;

/** {@code polyphony audit}: whether an experiment is what its records say. */
@Command(
    name = "audit",
    header = "Verifies every hash and reference of an experiment.",
    description = {
      "Checks every byte that it rests on: records, step manifests and objects against their hashes,"
          + " what every step was made of, and that Temporal's histories agree.",
      "",
      "Histories come from Temporal where it answers, and from the copies that the store keeps."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony audit mine",
      "  polyphony audit mine --offline --json > audit.json",
      "",
      "Exit codes: 0 all is as recorded; 1 there are problems; 2 no such experiment."
    })
final class AuditCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "Its name.")
  private String name;

  @Option(names = "--offline", description = "Ask the store alone, not Temporal.")
  private boolean offline;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  AuditCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    Settings settings = Settings.of(console);
    try (StoreAccess access = StoredExperiments.existing(settings, store)) {
      AuditReport report = report(settings, access);
      console.out().print(json ? PrettyJson.of(report) + "\n" : AuditText.of(report));
      return report.problems().isEmpty() ? 0 : Failure.OTHER;
    }
  }

  private AuditReport report(Settings settings, StoreAccess access) throws InterruptedException {
    if (offline) {
      return report(access, Histories.none("the store's copies alone, as asked"));
    }
    if (settings.temporal().isEmpty()) {
      return report(access, Histories.none("the store's copies: TEMPORAL_ADDRESS is not set"));
    }
    TemporalAccess connected;
    try {
      connected = TemporalAccess.connect(settings.temporal().get(), Person.identity());
    } catch (PolyphonyException e) {
      return report(access, Histories.none("the store's copies: " + e.getMessage()));
    }
    try (TemporalAccess temporal = connected) {
      return report(access, new LiveHistories(temporal));
    }
  }

  private AuditReport report(StoreAccess access, Histories histories) {
    return ExperimentAudit.of(
        access.objects(),
        new HistoryArchive(access.objects(), access.artifacts()),
        PruneCommand.pruning(access),
        histories,
        name);
  }

  /** Steps of a process that runs none. */
  static Steps steps(StoreAccess access) {
    return new Steps(
        access.objects(), access.artifacts(), Worker.here("", Map.of()), Clock.systemUTC());
  }
}
