package polyphony.workers;

import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.audit.Healing;
import polyphony.workflows.OperatorActions;

/** {@code polyphony recompute}: of a running experiment by an update, of others in the store. */
@Command(
    name = OperatorActions.RECOMPUTE,
    header = "Has a finished step, or a damaged object, made anew.",
    description =
        "Sets the step's result aside, or takes the damaged object or record away: a running"
            + " experiment makes it anew at once, another one when it is started again.",
    footer = {
      "",
      "Examples:",
      "  polyphony recompute mine 3f2a91c07b55",
      "  polyphony recompute mine experiment.json"
    },
    mixinStandardHelpOptions = true)
final class RecomputeCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "Its name.")
  private String name;

  @Parameters(
      index = "1",
      paramLabel = "WHAT",
      description =
          "A step's key or an object's SHA-256 (8 digits or more), or a record such as"
              + " experiment.json; polyphony audit names them.")
  private String what;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  RecomputeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    Settings settings = Settings.of(console);
    if (settings.temporal().isEmpty()) {
      print(heal(settings));
      return 0;
    }
    try (TemporalAccess temporal =
        TemporalAccess.connect(settings.temporal().get(), Person.identity())) {
      RemoteExperiment experiment = new RemoteExperiment(temporal.client(), name);
      boolean runs =
          experiment
              .description()
              .filter(
                  each ->
                      each.getStatus() == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING)
              .isPresent();
      print(runs ? experiment.update(OperatorActions.RECOMPUTE, key(settings)) : heal(settings));
    }
    return 0;
  }

  private void print(String answer) {
    console
        .out()
        .println(
            json
                ? PrettyJson.of(new OperatorCommands.Done(name, OperatorActions.RECOMPUTE, answer))
                : answer);
  }

  /** The store is asked for the rest of a short key only. */
  private String key(Settings settings) {
    if (!what.matches("[0-9a-f]{8,63}")) {
      return what;
    }
    try (StoreAccess access = StoredExperiments.existing(settings, store)) {
      return healing(access).key(name, what);
    }
  }

  private String heal(Settings settings) {
    try (StoreAccess access = StoredExperiments.existing(settings, store)) {
      return healing(access).heal(name, what)
          + "; start "
          + name
          + " again: what is missing is made anew";
    }
  }

  private static Healing healing(StoreAccess access) {
    return new Healing(access.objects(), AuditCommand.steps(access));
  }
}
