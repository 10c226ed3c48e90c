package polyphony.workers;

import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code polyphony status}: how an experiment stands. */
@Command(
    name = "status",
    header = "Shows how an experiment stands.",
    description = {
      "Phase, progress, unfinished steps and who works on them, results, and what to do where it"
          + " needs attention.",
      "",
      "Closed experiments, and those whose history is gone, are shown as far as the store tells."
    },
    footer = {"", "Examples:", "  polyphony status mine", "  polyphony status mine --json"},
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "Its name.")
  private String name;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  StatusCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    Settings settings = Settings.of(console);
    try (StoredExperiments stored = new StoredExperiments(settings, store)) {
      if (settings.temporal().isEmpty()) {
        print(StatusReader.read(name, Optional.empty(), stored));
        return 0;
      }
      try (TemporalAccess temporal =
          TemporalAccess.connect(settings.temporal().get(), Person.identity())) {
        print(
            StatusReader.read(
                name, Optional.of(new RemoteExperiment(temporal.client(), name)), stored));
      }
      return 0;
    }
  }

  private void print(ExperimentStatus status) {
    console
        .out()
        .print(
            json
                ? PrettyJson.of(status) + "\n"
                : new StatusText(Instant.now(), ZoneId.systemDefault()).of(status));
  }
}
