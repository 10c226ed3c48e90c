package polyphony.workers;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.data.DataRegistry;
import polyphony.activities.data.ImportedData;

/** {@code polyphony data}: questions in the store. */
@Command(
    name = "data",
    header = "Brings questions into the store.",
    description = "Specs then name them as their task.",
    footer = {"", "Examples:", "  polyphony data import math MATH.tar.gz"},
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class DataCommand {

  private DataCommand() {}

  /** {@code polyphony data import}. */
  @Command(
      name = "import",
      header = "Brings questions into the store under a name.",
      description = {
        "Takes the files as they were published: GSM8K's train.jsonl and test.jsonl, MATH's folders"
            + " or their tar.gz or JSON lines, MMLU's folders of CSV files. Your own are JSON lines"
            + " with \"question\" and \"answer\". They are checked, and their splits are fixed."
      },
      mixinStandardHelpOptions = true,
      footer = {
        "",
        "Examples:",
        "  polyphony data import gsm8k ./grade-school-math/data",
        "  polyphony data import math MATH.tar.gz",
        "  polyphony data import mine questions.jsonl --answers number"
      })
  static final class Import implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "NAME", description = "What specs will call it.")
    private String name;

    @Parameters(index = "1", paramLabel = "PATH", description = "File, folder or tar archive.")
    private Path path;

    @Option(
        names = "--task",
        paramLabel = "FORM",
        completionCandidates = Choices.Forms.class,
        description =
            "Form of the files: gsm8k, math, mmlu, custom. By default what the name says, else"
                + " custom.")
    private String task;

    @Option(
        names = "--answers",
        paramLabel = "KIND",
        completionCandidates = Choices.AnswerKinds.class,
        description =
            "When two answers are the same: number, math, choice, text. By default that of the"
                + " form; math for your own.")
    private String answers;

    @Option(
        names = "--prompts",
        paramLabel = "FOLDER",
        description = "Templates of your own, one file each: generate.txt and so on.")
    private Path prompts;

    @Option(
        names = "--store",
        paramLabel = "FOLDER",
        defaultValue = StoreFolder.DEFAULT,
        description = StoreFolder.DESCRIPTION)
    private Path store;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    Import(Console console) {
      this.console = console;
    }

    /** What {@code data import --json} prints. */
    private record Imported(String name, ImportedData data) {}

    @Override
    public Integer call() {
      try (StoreAccess access = StoreAccess.open(Settings.of(console), store)) {
        DataRegistry registry = access.data();
        ImportedData data = registry.importFiles(name, path, task, answers, prompts);
        if (json) {
          console.out().println(PrettyJson.of(new Imported(name, data)));
          return 0;
        }
        console.out().println("imported " + name + ", questions " + data.questions().sha256());
        console.out().println("  published parts: " + counts(data.parts()));
        console.out().println("  splits: " + counts(data.splits()));
        console
            .out()
            .println(
                "  left out as duplicates: "
                    + data.duplicates()
                    + "; nearly the same in finetuning and evaluation: "
                    + data.nearDuplicates()
                    + " (report "
                    + data.report().sha256()
                    + ")");
        return 0;
      }
    }

    private static String counts(Map<String, Integer> counts) {
      return counts.entrySet().stream()
          .map(each -> each.getKey() + " " + each.getValue())
          .collect(Collectors.joining(", "));
    }
  }

  static picocli.CommandLine commands(Console console) {
    return new picocli.CommandLine(new DataCommand()).addSubcommand("import", new Import(console));
  }
}
