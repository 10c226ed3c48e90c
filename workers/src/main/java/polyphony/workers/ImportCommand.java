package polyphony.workers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.storage.ArtifactRef;
import polyphony.storage.PolyphonyException;

/** {@code polyphony import}: brings a model into the store, under a name that specs can give. */
@Command(
    name = "import",
    description = {
      "Brings a Hugging Face folder into the store under a name, for a spec's baseModel.",
      "",
      "The folder holds config.json, tokenizer.json, tokenizer_config.json and model.safetensors."
    },
    mixinStandardHelpOptions = true,
    footer = {"", "Example:", "  polyphony import small ./SmolLM2-135M"})
final class ImportCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "NAME", description = "What specs will call it.")
  private String name;

  @Parameters(index = "1", paramLabel = "FOLDER", description = "The model's folder.")
  private Path folder;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  ImportCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (!Files.isDirectory(folder)) {
      throw PolyphonyException.config(
          "model folder " + folder + " does not exist or is no folder; check the path");
    }
    try (StoreAccess access = StoreAccess.open(Settings.of(console), store)) {
      ArtifactRef checkpoint = access.models().importFolder(name, folder);
      console.out().println("imported " + name + ", checkpoint " + checkpoint.sha256());
      return 0;
    }
  }
}
