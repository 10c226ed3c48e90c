package polyphony.workers;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code polyphony model}: language models, into the store, out of it, and tried. */
@Command(
    name = "model",
    header = "Imports, exports, lists and tries language models.",
    description = "Those of the store, as ordinary Hugging Face folders.",
    footer = {"", "Examples:", "  polyphony model list", "  polyphony model import ./SmolLM2-135M"},
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class ModelCommand {
  private ModelCommand() {}

  static CommandLine commands(Console console) {
    return new CommandLine(new ModelCommand())
        .addSubcommand("import", new ModelImportCommand(console))
        .addSubcommand("export", new ModelExportCommand(console))
        .addSubcommand("list", new ModelListCommand(console))
        .addSubcommand("generate", new ModelGenerateCommand(console))
        .addSubcommand("logits", new ModelLogitsCommand(console))
        .addSubcommand("memory", new ModelMemoryCommand(console));
  }
}
