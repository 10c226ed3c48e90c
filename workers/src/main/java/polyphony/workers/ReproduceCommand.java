package polyphony.workers;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import polyphony.activities.compare.Comparison;
import polyphony.workflows.ComparisonSpec;

/** {@code polyphony reproduce}: a table or a figure of the paper. */
@Command(
    name = "reproduce",
    header = "Runs and prints a table or a figure of the paper.",
    description = {
      "Runs the experiments behind it (arXiv 2501.05707), or takes them from the store. Without a"
          + " name, lists what there is.",
      "",
      "What different tables and figures have in common is computed once."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony reproduce",
      "  polyphony reproduce table-1 --miniature",
      "  polyphony reproduce figure-1 --miniature --seeds 0 --csv > figure-1.csv",
      "",
      "Exit codes: 0 done; 2 the input must change; 1, 130 or 143: the same command again goes on."
    })
final class ReproduceCommand implements Callable<Integer> {
  private final Console console;
  private final RunCommand.Assembler assembler;

  @Spec private CommandSpec command;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "NAME",
      completionCandidates = Choices.Reproductions.class,
      description = "table-1 to table-7, figure-1, figure-3 to figure-13.")
  private String name;

  @Option(
      names = "--miniature",
      description =
          "The same with the built-in model on arithmetic, within minutes: not evidence about large"
              + " models.")
  private boolean miniature;

  @Option(
      names = "--seeds",
      paramLabel = "SEED",
      split = ",",
      description = "Other seeds than the spec's.")
  private List<Long> seeds;

  @Option(
      names = "--questions",
      paramLabel = "COUNT",
      description = "Other numbers of questions than the spec's, to finetune and to evaluate on.")
  private Integer questions;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Mixin private ComparisonOutput output;

  ReproduceCommand(Console console, RunCommand.Assembler assembler) {
    this.console = console;
    this.assembler = assembler;
  }

  @Override
  public Integer call() throws Exception {
    if (name == null) {
      Map<String, String> titles = new LinkedHashMap<>();
      Reproduction.NAMES.forEach(each -> titles.put(each, Reproduction.named(each).title()));
      output.print(console.out(), titles);
      return 0;
    }
    Reproduction reproduction = Reproduction.named(name);
    ComparisonSpec spec = miniature ? reproduction.miniature() : reproduction.comparison();
    if (seeds != null) {
      spec = spec.withSeeds(seeds);
    }
    if (questions != null) {
      spec = spec.withQuestions(questions);
    }
    Comparison comparison =
        new ComparisonSession(console, assembler, store).run(spec, TypedCommand.of(command));
    output.print(console.out(), comparison, ReproductionText.of(reproduction, comparison));
    return 0;
  }
}
