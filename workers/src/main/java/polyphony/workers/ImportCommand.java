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
    header = "Brings a model into the store.",
    description = {
      "Takes a Hugging Face folder; specs then name it as their baseModel.",
      "",
      "The folder holds config.json, tokenizer.json, tokenizer_config.json and model.safetensors."
    },
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony import small ./SmolLM2-135M",
      "  polyphony import small ./SmolLM2-135M --json"
    })
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

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  ImportCommand(Console console) {
    this.console = console;
  }

  /** What {@code import --json} prints. */
  private record Imported(String name, ArtifactRef checkpoint) {}

  @Override
  public Integer call() {
    if (!Files.isDirectory(folder)) {
      throw PolyphonyException.config(
          "model folder " + folder + " does not exist or is no folder; check the path");
    }
    try (StoreAccess access = StoreAccess.open(Settings.of(console), store)) {
      ArtifactRef checkpoint = access.models().importFolder(name, folder);
      console
          .out()
          .println(
              json
                  ? PrettyJson.of(new Imported(name, checkpoint))
                  : "imported " + name + ", checkpoint " + checkpoint.sha256());
      return 0;
    }
  }
}
