package polyphony.workers;

import io.temporal.common.Priority;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentSpec;

/** {@code polyphony start}: starts an experiment that workers elsewhere run. */
@Command(
    name = "start",
    header = "Starts an experiment for workers, and returns at once.",
    description =
        "Starts an experiment at a Temporal service, or goes on with a closed one. Takes what run"
            + " takes; the work is done by processes that run polyphony worker.",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony start",
      "  polyphony start spec.json --experiment my-experiment --agents 5",
      "  polyphony start --method debate --priority 1 --json",
      "",
      "Environment: TEMPORAL_ADDRESS (needed); the store of the workers, as for them."
    })
final class StartCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private SpecArguments spec;

  @Option(
      names = "--priority",
      paramLabel = "PRIORITY",
      defaultValue = "3",
      description =
          "1 to 5; steps of a lower number take the next slot first, and experiments of one number"
              + " share the slots evenly (default: ${DEFAULT-VALUE}).")
  private int priority;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  StartCommand(Console console) {
    this.console = console;
  }

  /**
   * What {@code start --json} prints.
   *
   * @param started whether it was not running already
   * @param link the experiment in the Web UI; null where nobody said where that is
   */
  private record Started(String experiment, boolean started, String link) {}

  @Override
  public Integer call() throws InterruptedException {
    ExperimentSpec asked = spec.asked(console.in());
    Settings settings = Settings.of(console);
    if (priority < 1 || priority > 5) {
      throw PolyphonyException.config("--priority is " + priority + "; it must be 1 to 5");
    }
    TemporalSettings service =
        settings.requireTemporal("an experiment that outlives this command needs");
    ExperimentSpec complete;
    try (StoreAccess access = StoreAccess.open(settings, store)) {
      complete = access.complete(asked);
    }
    try (TemporalAccess temporal = TemporalAccess.connect(service, Person.identity())) {
      SearchAttributes.register(temporal);
      ExperimentRun run =
          ExperimentRun.startOrAttach(
              temporal.client(),
              SpecArguments.name(asked, complete),
              asked,
              complete,
              true,
              Priority.newBuilder().setPriorityKey(priority).build());
      print(
          new Started(
              run.name(),
              !run.attached(),
              settings
                  .uiAddress()
                  .map(ui -> new WebUi(ui, service.namespace()).experiment(run.name()))
                  .orElse(null)));
    }
    return 0;
  }

  private void print(Started run) {
    PrintStream out = console.out();
    if (json) {
      out.println(PrettyJson.of(run));
      return;
    }
    out.println(
        run.started()
            ? "started experiment " + run.experiment()
            : "experiment " + run.experiment() + " is running already");
    out.println("watch it with: polyphony watch " + run.experiment());
    if (run.link() != null) {
      out.println("or at:         " + run.link());
    }
  }
}
