package polyphony.workers;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.train.TrainStep;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;
import polyphony.workflows.ExperimentSpec;

/**
 * {@code polyphony bench iteration}: one whole iteration with a model of random weights.
 *
 * <p>Its tokens are words, each of which names one of four choices, so that any text can be read as
 * an answer: some agents agree by chance, and every step has work. One word in eight ends an
 * answer, since one that is cut at its limit would train nobody.
 */
@Command(
    name = "iteration",
    header = "Measures a whole iteration of a larger model.",
    description = {
      "Runs one iteration with a Llama-shaped model of random weights through the real pipeline:"
          + " debates, summaries, votes, trainings of three generators and critics, and evaluation.",
      "",
      "The model answers multiple-choice questions at random. What counts is the speed, and how much"
          + " memory was taken and planned."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony bench iteration",
      "  polyphony bench iteration --hidden 256 --layers 4 --json"
    })
final class IterationBenchCommand implements Callable<Integer> {
  private static final String NAME = "random";
  private static final int HEAD_SIZE = 64;
  private static final int CONTEXT = 2048;
  private static final int FIRST_WORD = 4;
  private static final int WORDS_PER_ENDING = 8;
  private static final int WORDS_PER_QUESTION = 12;

  private static final NewLanguageModel.SpecialTokens SPECIAL_TOKENS =
      new NewLanguageModel.SpecialTokens("<s>", "</s>", "<pad>");

  private static final String CHAT_TEMPLATE =
      "{{ bos_token }}{% for message in messages %}{{ message['content'] }}"
          + "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %} {% endfor %}";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Console console;

  @Option(
      names = "--hidden",
      paramLabel = "WIDTH",
      defaultValue = "768",
      description = "Width of the model, a multiple of 64 (default: ${DEFAULT-VALUE}).")
  private int hidden;

  @Option(
      names = "--layers",
      paramLabel = "COUNT",
      defaultValue = "12",
      description = "Blocks (default: ${DEFAULT-VALUE}).")
  private int layers;

  @Option(
      names = "--feed-forward",
      paramLabel = "WIDTH",
      defaultValue = "2048",
      description = "Width of the feed-forward layer (default: ${DEFAULT-VALUE}).")
  private int feedForward;

  @Option(
      names = "--vocabulary",
      paramLabel = "COUNT",
      defaultValue = "32000",
      description = "Tokens (default: ${DEFAULT-VALUE}).")
  private int vocabulary;

  @Option(
      names = "--questions",
      paramLabel = "COUNT",
      defaultValue = "12",
      description = "Questions to finetune on, and to evaluate on (default: ${DEFAULT-VALUE}).")
  private int questions;

  @Option(
      names = "--new-tokens",
      paramLabel = "COUNT",
      defaultValue = "16",
      description = "Tokens of an answer, at most (default: ${DEFAULT-VALUE}).")
  private int newTokens;

  @Mixin private DeviceOption device;

  @Option(names = "--json", description = "Print one JSON object, with every call's shape.")
  private boolean json;

  IterationBenchCommand(Console console) {
    this.console = console;
  }

  /** The model's. */
  record Shape(
      int vocabularySize,
      int hiddenSize,
      int intermediateSize,
      int layers,
      int heads,
      int keyValueHeads,
      int maxPositions) {}

  /**
   * What the bench measured.
   *
   * @param parameters of the model
   * @param seconds of it all, the experiment's start and end included
   * @param phases wall seconds by step
   * @param work by kind of work
   * @param peakMemoryBytes the process's largest resident size; null where the system does not tell
   */
  record Report(
      int processors,
      long parameters,
      Shape shape,
      double seconds,
      Map<String, Double> phases,
      List<Integer> generatorExamples,
      List<Integer> criticExamples,
      Map<String, WorkMeter.Work> work,
      Long peakMemoryBytes) {}

  @Override
  public Integer call() throws Exception {
    requirePossible();
    DecoderConfig config =
        new DecoderConfig(
            vocabulary,
            hidden,
            layers,
            hidden / HEAD_SIZE,
            hidden / HEAD_SIZE,
            HEAD_SIZE,
            feedForward,
            10_000,
            1e-6,
            CONTEXT,
            false);
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    try (TemporaryFolder folder = new TemporaryFolder(temporary, "polyphony-bench-")) {
      Settings settings =
          device.over(Settings.of(Map.of(), Runtime.getRuntime().availableProcessors()));
      Path store = folder.path().resolve("store");
      importAll(settings, store, folder.path(), config);
      WorkMeter meter = new WorkMeter();
      Instruments instruments =
          new Instruments(meter::around, each -> each, TrainStep.COMMIT_INTERVAL, StepMain.class);
      long start = System.nanoTime();
      RunSummary summary =
          run(settings, Assembly.of(settings, store, instruments, console.err()::println));
      double seconds = (System.nanoTime() - start) / 1e9;
      RunSummary.Iteration last = summary.iterations().get(summary.iterations().size() - 1);
      print(
          new Report(
              Runtime.getRuntime().availableProcessors(),
              config.parameters(),
              new Shape(
                  vocabulary,
                  hidden,
                  feedForward,
                  layers,
                  config.heads(),
                  config.keyValueHeads(),
                  CONTEXT),
              seconds,
              summary.phases(),
              last.generatorExamples(),
              last.criticExamples(),
              meter.work(),
              summary.peakMemoryBytes()));
    }
    return 0;
  }

  private void requirePossible() {
    if (hidden < HEAD_SIZE || hidden % HEAD_SIZE != 0 || layers < 1 || feedForward < 1) {
      throw PolyphonyException.config(
          "--hidden must be a multiple of "
              + HEAD_SIZE
              + ", --layers and --feed-forward at least 1");
    }
    if (vocabulary < 100 || vocabulary > 50_000 || questions < 1 || newTokens < 1) {
      throw PolyphonyException.config(
          "--vocabulary must be from 100 to 50000, --questions and --new-tokens at least 1");
    }
  }

  private RunSummary run(Settings settings, Parts assembled) throws Exception {
    ObjectNode spec = JSON.createObjectNode();
    spec.put("baseModel", NAME).put("iterations", 1);
    spec.putObject("task").put("name", NAME).put("train", questions).put("evaluate", questions);
    spec.putObject("sampling").put("maxNewTokens", newTokens);
    ExperimentSpec asked = SpecReader.spec(spec);
    try (Parts parts = assembled;
        RunSession session = RunSession.start(console, settings, parts, "polyphony bench")) {
      return session.run(NAME, asked, parts.completion().complete(asked), console.err());
    }
  }

  /** Everything that the experiment names. */
  private void importAll(Settings settings, Path store, Path folder, DecoderConfig config)
      throws IOException {
    Path model = folder.resolve("model");
    NewLanguageModel.write(
        model,
        config,
        NewLanguageModel.letters(vocabulary - 3),
        SPECIAL_TOKENS,
        CHAT_TEMPLATE,
        0,
        0.02f);
    Files.writeString(model.resolve("tokenizer.json"), tokenizer().toString());
    ObjectNode generation = JSON.createObjectNode();
    ArrayNode endings = generation.putArray("eos_token_id").add(2);
    for (int id = FIRST_WORD; id < vocabulary; id += WORDS_PER_ENDING) {
      endings.add(id);
    }
    Files.writeString(model.resolve("generation_config.json"), generation.toString());
    Path file = folder.resolve("questions.jsonl");
    Files.write(file, lines());
    try (StoreAccess access = StoreAccess.open(settings, store)) {
      access.models().importFolder(NAME, model, Optional.empty());
      access.data().importFiles(NAME, file, null, "choice", null);
    }
  }

  /**
   * Three eighths of one's own questions are to be evaluated on, half of them to be finetuned on.
   */
  private List<String> lines() {
    SplittableRandom random = new SplittableRandom(1);
    List<String> lines = new ArrayList<>();
    for (int question = 0; question < 20 + 8 * questions; question++) {
      String text =
          random
              .ints(WORDS_PER_QUESTION, FIRST_WORD, vocabulary)
              .mapToObj(IterationBenchCommand::word)
              .collect(Collectors.joining(" "));
      lines.add(
          JSON.createObjectNode().put("question", text).put("answer", choice(question)).toString());
    }
    return lines;
  }

  private static String word(int id) {
    return "w" + id + "(" + choice(id / WORDS_PER_ENDING) + ")";
  }

  private static String choice(int number) {
    return Character.toString('A' + number % 4);
  }

  /** Words apart by white space; what is none of these words is {@code <unk>}. */
  private ObjectNode tokenizer() {
    ObjectNode tokenizer = JSON.createObjectNode();
    tokenizer.put("version", "1.0");
    ArrayNode added = tokenizer.putArray("added_tokens");
    ObjectNode model = tokenizer.putObject("model").put("type", "WordLevel");
    ObjectNode ids = model.putObject("vocab");
    List<String> special =
        List.of(SPECIAL_TOKENS.padding(), SPECIAL_TOKENS.beginning(), SPECIAL_TOKENS.endOfTurn());
    for (int id = 0; id < special.size(); id++) {
      ids.put(special.get(id), id);
      added
          .addObject()
          .put("id", id)
          .put("content", special.get(id))
          .put("single_word", false)
          .put("lstrip", false)
          .put("rstrip", false)
          .put("normalized", false)
          .put("special", true);
    }
    ids.put("<unk>", special.size());
    for (int id = FIRST_WORD; id < vocabulary; id++) {
      ids.put(word(id), id);
    }
    model.put("unk_token", "<unk>");
    tokenizer.putObject("pre_tokenizer").put("type", "WhitespaceSplit");
    return tokenizer;
  }

  private void print(Report report) {
    if (json) {
      console.out().println(PrettyJson.of(report));
      return;
    }
    console
        .out()
        .printf(
            Locale.ROOT,
            "%,d parameters, %d processors, %.0f s%nexamples: generators %s, critics %s%n%n",
            report.parameters(),
            report.processors(),
            report.seconds(),
            report.generatorExamples(),
            report.criticExamples());
    console
        .out()
        .printf("%-10s %8s %12s %12s %12s%n", "", "calls", "tokens", "seconds", "tokens/s");
    report
        .work()
        .forEach(
            (kind, work) ->
                console
                    .out()
                    .printf(
                        Locale.ROOT,
                        "%-10s %8d %,12d %12.1f %12.0f%n",
                        kind,
                        work.calls().size(),
                        work.tokens(),
                        work.seconds(),
                        work.tokens() / work.seconds()));
    report
        .phases()
        .forEach(
            (phase, seconds) ->
                console.out().printf(Locale.ROOT, "%n%-20s %8.1f s", phase, seconds));
    console
        .out()
        .printf(
            "%n%npeak memory %s%n",
            report.peakMemoryBytes() == null ? "unknown" : Bytes.shown(report.peakMemoryBytes()));
  }
}
