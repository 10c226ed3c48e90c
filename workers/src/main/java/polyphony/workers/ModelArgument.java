package polyphony.workers;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.function.Function;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.resolve.BuiltInModel;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** A model that a command takes: a folder, or one of the store. */
final class ModelArgument {
  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description =
          "A Hugging Face folder; or one of the store: its name, EXPERIMENT/iteration-NNN/generator-N"
              + " or /critic-N, or digits of its weights' SHA-256.")
  private String model;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  /**
   * Hands the model to {@code work}, as long as which its files stay.
   *
   * @param opening opens a folder that is not in the store
   */
  <T> T with(
      Settings settings, Function<Path, LanguageModel> opening, Function<LanguageModel, T> work) {
    // What is no name may be a path, also one of a folder that is not there.
    Path folder = path();
    if (isModel(folder) || model.startsWith(".") || model.startsWith("/")) {
      return work.apply(opening.apply(folder));
    }
    try (StoreAccess access = store(model, settings, store)) {
      return work.apply(access.checkpoints().open(access.storedModels().checkpoint(model)));
    }
  }

  /** An adapter's folder is none: the store may hold it over its base, by the same name. */
  private static boolean isModel(Path folder) {
    return Files.isDirectory(folder) && !Files.exists(folder.resolve(Adapter.CONFIG));
  }

  private Path path() {
    try {
      return Path.of(model);
    } catch (InvalidPathException e) {
      throw new PolyphonyException(
          ErrorClass.CONFIG,
          "MODEL is neither a path nor a name here (" + e.getReason() + "); check it",
          e);
    }
  }

  /** The store that holds {@code model}; the one that comes along is in any. */
  static StoreAccess store(String model, Settings settings, Path folder) {
    return model.equals(BuiltInModel.NAME)
        ? StoreAccess.open(settings, folder)
        : StoredExperiments.existing(settings, folder);
  }
}
