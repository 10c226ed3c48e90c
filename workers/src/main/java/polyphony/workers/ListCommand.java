package polyphony.workers;

import java.nio.file.Path;
import java.time.ZoneId;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code polyphony list}: every experiment in a line. */
@Command(
    name = "list",
    header = "Lists experiments, one in a line.",
    description =
        "Those that Temporal knows, the latest first, then those of which only the store knows.",
    footer = {"", "Examples:", "  polyphony list", "  polyphony list --store ./other --json"},
    mixinStandardHelpOptions = true)
final class ListCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  ListCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    Settings settings = Settings.of(console);
    try (StoredExperiments stored = new StoredExperiments(settings, store)) {
      if (settings.temporal().isEmpty()) {
        print(ExperimentList.read(Optional.empty(), stored));
        return 0;
      }
      try (TemporalAccess temporal =
          TemporalAccess.connect(settings.temporal().get(), Person.identity())) {
        print(ExperimentList.read(Optional.of(temporal.client()), stored));
      }
      return 0;
    }
  }

  private void print(ExperimentList list) {
    console.out().print(json ? PrettyJson.of(list) + "\n" : list.text(ZoneId.systemDefault()));
  }
}
