package polyphony.workers;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.lineage.Lineage;
import polyphony.activities.lineage.QuestionStory;
import polyphony.activities.lineage.ShapingExamples;
import polyphony.activities.lineage.Start;
import polyphony.storage.PolyphonyException;
import polyphony.storage.audit.StoreGraph;

/** {@code polyphony lineage}: what came of what. */
@Command(
    name = "lineage",
    header = "Shows what a number, weights or an answer came of.",
    description = {
      "Answers, weights, examples, votes, down to the base model and the questions. With --uses,"
          + " what was made of it.",
      "",
      "REF is EXPERIMENT (its last iteration's accuracy) or EXPERIMENT/iteration-NNN, either with"
          + " /accuracy, /labels, /generator-N or /critic-N; or 8 or more digits of a step's key or"
          + " an object's SHA-256."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony lineage mine/iteration-002",
      "  polyphony lineage mine --question 17          # who said what",
      "  polyphony lineage mine/iteration-002/critic-1 --examples",
      "  polyphony lineage 3f2a91c07b55 --uses"
    })
final class LineageCommand implements Callable<Integer> {
  private static final int DEEPEST = 1000;

  private final Console console;

  @Parameters(index = "0", paramLabel = "REF", description = "What to start from.")
  private String reference;

  @Option(names = "--uses", description = "Go forward, to what was made of it.")
  private boolean uses;

  @Option(
      names = "--examples",
      description = "List every example that shaped these weights, with the answer it comes from.")
  private boolean examples;

  @Option(
      names = "--question",
      paramLabel = "QUESTION",
      description = "Show how one question was voted on: its id, or its position from 1.")
  private String question;

  @Option(
      names = "--depth",
      paramLabel = "STEPS",
      description = "How far to go (default: 4, or without end with --json).")
  private Integer depth;

  @Option(names = "--all", description = "Leave nothing out of long lists.")
  private boolean all;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  LineageCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (depth != null && (depth < 1 || depth > DEEPEST)) {
      throw PolyphonyException.config("--depth is " + depth + ", allowed: 1 to " + DEEPEST);
    }
    if ((uses ? 1 : 0) + (examples ? 1 : 0) + (question != null ? 1 : 0) > 1) {
      throw PolyphonyException.config("--uses, --examples and --question exclude each other");
    }
    try (StoreAccess access = StoredExperiments.existing(Settings.of(console), store)) {
      StoreGraph graph = StoreGraph.read(access.objects());
      Lineage lineage = new Lineage(graph, access.checkpoints());
      Start start = Start.of(reference, access.objects(), access.artifacts(), graph);
      LineageText text = new LineageText(all, uses ? " → " : " ← ");
      if (examples) {
        List<ShapingExamples.Shaping> shaping =
            new ShapingExamples(access.artifacts(), lineage).of(start);
        print(json ? PrettyJson.of(Map.of("examples", shaping)) + "\n" : text.of(shaping));
      } else if (question != null) {
        QuestionStory story = QuestionStory.of(start, question, access.artifacts(), graph, lineage);
        print(json ? PrettyJson.of(story) + "\n" : text.of(story));
      } else {
        int deep = depth != null ? depth : json ? DEEPEST : 4;
        Lineage.Tree tree = uses ? lineage.uses(start, deep) : lineage.origins(start, deep);
        print(json ? PrettyJson.of(tree) + "\n" : text.of(tree));
      }
      return 0;
    }
  }

  private void print(String text) {
    console.out().print(text);
  }
}
