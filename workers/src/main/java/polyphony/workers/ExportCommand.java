package polyphony.workers;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.curves.Curves;
import polyphony.activities.curves.MlflowExport;
import polyphony.activities.curves.MlflowServer;
import polyphony.activities.curves.TensorBoardFolder;
import polyphony.storage.PolyphonyException;

/** {@code polyphony export}: what the store holds, for other programs. */
@Command(
    name = "export",
    header = "Gives what the store holds to other programs.",
    description = "Exporting again, when there is more, adds what is new.",
    footer = {"", "Examples:", "  polyphony export curves mine --tensorboard ./logs"},
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class ExportCommand {

  private ExportCommand() {}

  /** {@code polyphony export curves}. */
  @Command(
      name = "curves",
      header = "Writes an experiment's curves for TensorBoard or MLflow.",
      description = {
        "These are every measure of its iterations, and the loss of every training.",
        "",
        "Again, when the experiment has gone on, it adds what is new; nothing is ever there twice.",
        "An MLflow server that wants a name and a password, or a token, gets those in"
            + " MLFLOW_TRACKING_USERNAME and _PASSWORD, or in MLFLOW_TRACKING_TOKEN."
      },
      mixinStandardHelpOptions = true,
      footer = {
        "",
        "Examples:",
        "  polyphony export curves mine --tensorboard ./logs",
        "  polyphony export curves mine --mlflow http://localhost:5000"
      })
  static final class ExportedCurves implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "Its name.")
    private String name;

    @Option(
        names = "--tensorboard",
        paramLabel = "FOLDER",
        description = "Write event files below this folder, for tensorboard --logdir.")
    private Path tensorBoard;

    @Option(
        names = "--mlflow",
        paramLabel = "ADDRESS",
        description = "Write to the tracking server at this address, as a run of this name.")
    private String mlflow;

    @Option(
        names = "--mlflow-experiment",
        paramLabel = "NAME",
        defaultValue = "polyphony",
        description = "MLflow's experiment for the run (default: ${DEFAULT-VALUE}).")
    private String mlflowExperiment;

    @Option(
        names = "--store",
        paramLabel = "FOLDER",
        defaultValue = StoreFolder.DEFAULT,
        description = StoreFolder.DESCRIPTION)
    private Path store;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    ExportedCurves(Console console) {
      this.console = console;
    }

    /**
     * What {@code export curves --json} prints.
     *
     * @param eventFiles null where none were asked for
     * @param mlflow null where no server was named
     */
    private record Exported(
        String experiment, List<String> eventFiles, MlflowExport.Exported mlflow) {}

    @Override
    public Integer call() {
      if (tensorBoard == null && mlflow == null) {
        throw PolyphonyException.config(
            "nothing is to be written: name a folder with --tensorboard, or a server with --mlflow");
      }
      Curves curves;
      try (StoreAccess access = StoredExperiments.existing(Settings.of(console), store)) {
        curves = Curves.read(access.objects(), access.artifacts(), name);
      }
      List<Path> files =
          tensorBoard == null ? null : new TensorBoardFolder(tensorBoard).write(curves);
      MlflowExport.Exported run =
          mlflow == null
              ? null
              : new MlflowExport(new MlflowServer(mlflow, console.environment()), mlflowExperiment)
                  .write(curves);
      if (json) {
        List<String> names = files == null ? null : files.stream().map(Path::toString).toList();
        console.out().println(PrettyJson.of(new Exported(name, names, run)));
        return 0;
      }
      if (files != null) {
        console
            .out()
            .println(
                files.size()
                    + (files.size() == 1 ? " event file below " : " event files below ")
                    + tensorBoard.resolve(name)
                    + "; to look at: tensorboard --logdir "
                    + tensorBoard);
      }
      if (run != null) {
        console
            .out()
            .println(
                "MLflow run "
                    + run.run()
                    + " ("
                    + name
                    + "): "
                    + run.points()
                    + (run.points() == 1 ? " new point" : " new points")
                    + (run.replaced() ? "; one that had other values was deleted" : ""));
      }
      return 0;
    }
  }

  static CommandLine commands(Console console) {
    return new CommandLine(new ExportCommand())
        .addSubcommand("curves", new ExportedCurves(console));
  }
}
