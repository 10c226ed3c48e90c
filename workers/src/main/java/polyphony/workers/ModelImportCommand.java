package polyphony.workers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.resolve.ModelRegistry;
import polyphony.storage.PolyphonyException;

/** {@code polyphony model import}: brings a model into the store, under a name for specs. */
@Command(
    name = "import",
    header = "Brings a Hugging Face folder into the store under a name.",
    description = {
      "A spec's baseModel, likelihoodModel or embeddingModel can name it then.",
      "",
      "The folder holds config.json, tokenizer.json, tokenizer_config.json and the weights as"
          + " safetensors. All of it is checked first. Weights that do not lie at multiples of"
          + " their size are written anew, with the same values.",
      "",
      "With --base, the folder is an adapter's as PEFT writes it: adapter_config.json of plain LoRA"
          + " and adapter_model.safetensors."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony model import ./SmolLM2-135M",
      "  polyphony model import ./Llama --name llama --chat-template chatml.jinja",
      "  polyphony model import ./my-lora --base llama"
    })
final class ModelImportCommand implements Callable<Integer> {
  /** What {@code --json} prints. */
  private record Result(
      String name,
      String checkpoint,
      String weights,
      boolean chatTemplate,
      List<String> realigned) {}

  private final Console console;

  @Parameters(index = "0", paramLabel = "FOLDER", description = "The model's folder.")
  private Path folder;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "What specs will call it (default: what the folder is called).")
  private String name;

  @Option(
      names = "--chat-template",
      paramLabel = "FILE",
      description =
          "A Jinja template to use in place of the model's own, for one that has none; becomes the"
              + " model's chat_template.jinja.")
  private Path chatTemplate;

  @Option(
      names = "--base",
      paramLabel = "MODEL",
      description =
          "What an adapter is for: a model of the store, by its name,"
              + " EXPERIMENT/iteration-NNN/generator-N or /critic-N, or digits of its weights'"
              + " SHA-256.")
  private String base;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  ModelImportCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (!Files.isDirectory(folder)) {
      throw PolyphonyException.config(
          "model folder " + folder + " does not exist or is no folder; check the path");
    }
    if (chatTemplate != null && !Files.isRegularFile(chatTemplate)) {
      throw PolyphonyException.config(
          "chat template " + chatTemplate + " does not exist or is no file; check the path");
    }
    if (chatTemplate != null && base != null) {
      throw PolyphonyException.config(
          "--chat-template and --base exclude each other: an adapter has its base's template");
    }
    String called = name != null ? name : folderName();
    try (StoreAccess access = StoreAccess.open(Settings.of(console), store)) {
      ModelRegistry.Import made =
          base == null
              ? access.models().importFolder(called, folder, Optional.ofNullable(chatTemplate))
              : access
                  .models()
                  .importAdapter(
                      called, folder, access.checkpoints(), access.storedModels().checkpoint(base));
      String checkpoint = made.checkpoint().sha256();
      if (json) {
        String weights = access.checkpoints().weightsSha256(made.checkpoint());
        console
            .out()
            .println(
                PrettyJson.of(
                    new Result(
                        called, checkpoint, weights, made.chatTemplate(), made.realigned())));
        return 0;
      }
      console.out().println("imported " + called + ", checkpoint " + checkpoint);
      made.realigned()
          .forEach(file -> console.out().println("  aligned " + file + ", values unchanged"));
      if (access.checkpoints().isEncoder(made.checkpoint())) {
        console.out().println("  it is an encoder, for a spec's embeddingModel");
      } else if (!made.chatTemplate()) {
        console
            .out()
            .println(
                "  it has no chat template: to let it debate, import it with --chat-template,"
                    + " under another name");
      }
      return 0;
    }
  }

  private String folderName() {
    Path last = folder.toAbsolutePath().normalize().getFileName();
    if (last == null) {
      throw PolyphonyException.config(
          folder + " has no name that the model could take; give it one with --name");
    }
    return last.toString();
  }
}
