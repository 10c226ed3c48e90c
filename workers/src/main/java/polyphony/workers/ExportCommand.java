package polyphony.workers;

import java.nio.file.Path;
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
    description = "Gives what the store holds to other programs.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class ExportCommand {

  private ExportCommand() {}

  /** {@code polyphony export curves}. */
  @Command(
      name = "curves",
      description = {
        "Writes an experiment's curves for TensorBoard or MLflow: every measure of its iterations, and"
            + " the loss of every training.",
        "",
        "Again, when the experiment has gone on, it adds what is new; nothing is ever there twice."
      },
      sortOptions = false,
      mixinStandardHelpOptions = true,
      footer = {
        "",
        "Environment: MLFLOW_TRACKING_USERNAME and _PASSWORD, or MLFLOW_TRACKING_TOKEN, where the"
            + " MLflow server wants them.",
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

    ExportedCurves(Console console) {
      this.console = console;
    }

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
      if (tensorBoard != null) {
        int files = new TensorBoardFolder(tensorBoard).write(curves).size();
        console
            .out()
            .println(
                files
                    + (files == 1 ? " event file below " : " event files below ")
                    + tensorBoard.resolve(name)
                    + "; to look at: tensorboard --logdir "
                    + tensorBoard);
      }
      if (mlflow != null) {
        MlflowExport.Exported exported =
            new MlflowExport(new MlflowServer(mlflow, console.environment()), mlflowExperiment)
                .write(curves);
        console
            .out()
            .println(
                "MLflow run "
                    + exported.run()
                    + " ("
                    + name
                    + "): "
                    + exported.points()
                    + (exported.points() == 1 ? " new point" : " new points")
                    + (exported.replaced() ? "; one that had other values was deleted" : ""));
      }
      return 0;
    }
  }

  static CommandLine commands(Console console) {
    return new CommandLine(new ExportCommand())
        .addSubcommand("curves", new ExportedCurves(console));
  }
}
