package polyphony.workers;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.storage.ArtifactRef;

/** {@code polyphony model export}: a model of the store as an ordinary folder. */
@Command(
    name = "export",
    header = "Writes a model of the store as a Hugging Face folder.",
    description = {
      "Transformers loads the folder as it is.",
      "",
      "Of a model with an adapter, the folder is the adapter's: PEFT loads it over the base, which is"
          + " exported by its own name. With --merged it is a whole model.",
      "",
      "MODEL is an imported model's name; an agent's checkpoint: EXPERIMENT/iteration-NNN/generator-N"
          + " or /critic-N; or 8 or more digits of its weights' SHA-256."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony model export mine/iteration-003/generator-1 ./tuned",
      "  polyphony model export mine/iteration-003/critic-2 ./tuned --merged",
      "  polyphony model export 3f2a91c07b55 ./tuned"
    })
final class ModelExportCommand implements Callable<Integer> {
  /** What {@code --json} prints. */
  private record Result(
      String folder, String checkpoint, String weights, ModelAdapter adapter, boolean merged) {}

  private final Console console;

  @Parameters(index = "0", paramLabel = "MODEL", description = "What to export.")
  private String model;

  @Parameters(
      index = "1",
      paramLabel = "FOLDER",
      description = "Where to; it must be empty, or not be there yet.")
  private Path folder;

  @Option(
      names = "--merged",
      description =
          "Add the model's adapter, if it has one, to the base's weights (as 32-bit floats).")
  private boolean merged;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  ModelExportCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    try (StoreAccess access = ModelArgument.store(model, Settings.of(console), store)) {
      ArtifactRef checkpoint = access.storedModels().checkpoint(model);
      ModelAdapter adapter = ModelAdapter.of(checkpoint, access);
      boolean merges = merged && adapter != null;
      if (merges) {
        access.checkpoints().exportMerged(checkpoint, folder);
      } else {
        access
            .checkpoints()
            .export(
                checkpoint,
                folder,
                adapter == null
                    ? Optional.empty()
                    : access.models().nameOf(access.checkpoints().base(checkpoint)));
      }
      String weights = access.checkpoints().weightsSha256(checkpoint);
      console
          .out()
          .println(
              json
                  ? PrettyJson.of(
                      new Result(folder.toString(), checkpoint.sha256(), weights, adapter, merges))
                  : "exported " + model + " of weights " + weights + " to " + folder);
      if (!json && adapter != null) {
        console
            .out()
            .println("  " + (merges ? "merged: " : "the adapter alone: ") + adapter.shown());
      }
      return 0;
    }
  }
}
