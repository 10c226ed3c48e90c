package polyphony.workers;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Weights;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxSampler;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.activities.pretrain.PretrainingRecipe;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;

/**
 * {@code polyphony bench adapters}: what sampling several agents in one batch gains over sampling
 * each by itself. Only shapes count, so that a copy of the base stands for merged weights.
 */
@Command(
    name = "adapters",
    header = "Measures agents that share a base model in one batch.",
    description = {
      "Samples 4 agents whose adapters (LoRA, rank 8, all linear layers) lie over one base of random"
          + " weights: in one batch; apart, each with a quarter of the rows and its own copy of the"
          + " weights, as where its adapter is merged into them; and as many rows of the base.",
      "",
      "The three take turns; their shares of the base's speed are of processor time, so that what"
          + " else the machine does counts little. Prompts have 20 tokens, 64 new tokens follow,"
          + " without early end, on one thread."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony bench adapters",
      "  polyphony bench adapters --large --rows 16 --json",
      "  polyphony bench adapters --large --only apart    # its memory"
    })
final class AdapterBenchCommand implements Callable<Integer> {
  private static final int AGENTS = 4;
  private static final int RANK = 8;
  private static final int PROMPT = 20;
  private static final SamplingSettings SETTINGS = new SamplingSettings(1, 1, 64);

  /** How the agents are sampled. */
  enum Way {
    together("one batch"),
    apart("apart"),
    base("base alone");

    private final String shown;

    Way(String shown) {
      this.shown = shown;
    }
  }

  private final Console console;

  @Option(
      names = "--large",
      description = "A model of 98 million parameters, not of the built-in one's shape.")
  private boolean large;

  @Option(
      names = "--rows",
      paramLabel = "COUNT",
      defaultValue = "128",
      description = "Prompts of all agents together, a multiple of 4 (default: ${DEFAULT-VALUE}).")
  private int rows;

  @Option(
      names = "--runs",
      paramLabel = "COUNT",
      defaultValue = "7",
      description =
          "Times that each way is measured; the median counts (default: ${DEFAULT-VALUE}).")
  private int runs;

  @Option(
      names = "--only",
      paramLabel = "WAY",
      description = "Measure one way alone, and what memory it takes: together, apart or base.")
  private Way only;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  AdapterBenchCommand(Console console) {
    this.console = console;
  }

  /**
   * What one way came to.
   *
   * @param tokensPerSecond of all agents together
   * @param tokensPerProcessorSecond the same, not counting what others had of the processor
   * @param shareOfBase of the base's tokens per processor second; null where that was not measured
   * @param memoryBytes resident memory at the peak, above that before anything was loaded; null
   *     unless this way was measured alone, or where the system does not tell
   */
  record Result(
      double tokensPerSecond,
      double tokensPerProcessorSecond,
      Double shareOfBase,
      Long memoryBytes) {}

  /**
   * What the bench measured.
   *
   * @param parameters of the base
   * @param adapterParameters of one adapter
   */
  record Report(
      int processors,
      long parameters,
      long adapterParameters,
      int agents,
      int rank,
      int rows,
      int runs,
      Map<Way, Result> ways) {}

  @Override
  public Integer call() throws IOException {
    if (rows < AGENTS || rows % AGENTS != 0 || runs < 1) {
      throw PolyphonyException.config(
          "--rows must be a multiple of " + AGENTS + ", --runs at least 1");
    }
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    try (TemporaryFolder folder = new TemporaryFolder(temporary, "polyphony-bench-")) {
      LanguageModel base = base(folder.path().resolve("base"));
      List<LanguageModel> agents = new ArrayList<>();
      for (int agent = 0; agent < AGENTS; agent++) {
        agents.add(base.with(adapter(base, folder.path().resolve("adapter-" + agent), agent)));
      }
      print(
          new Report(
              Runtime.getRuntime().availableProcessors(),
              base.config().parameters(),
              agents.get(0).adapter().orElseThrow().config().parameters(base.config()),
              AGENTS,
              RANK,
              rows,
              runs,
              measure(agents, folder.path())));
    }
    return 0;
  }

  private Map<Way, Result> measure(List<LanguageModel> agents, Path folder) throws IOException {
    List<Way> ways = only == null ? List.of(Way.values()) : List.of(only);
    Map<Way, List<Sampling>> samplings = new LinkedHashMap<>();
    // The models' values were on the heap while they were written.
    System.gc();
    ProcessMemory.forgetPeak();
    Long before = ProcessMemory.peakBytes();
    try {
      for (Way way : ways) {
        samplings.put(way, new ArrayList<>());
        open(way, agents, folder, samplings.get(way));
      }
      ThreadMXBean thread = ManagementFactory.getThreadMXBean();
      Map<Way, double[]> seconds = new LinkedHashMap<>();
      Map<Way, double[]> processorSeconds = new LinkedHashMap<>();
      for (Way way : ways) {
        samplings.get(way).forEach(Sampling::run);
        seconds.put(way, new double[runs]);
        processorSeconds.put(way, new double[runs]);
      }
      for (int run = 0; run < runs; run++) {
        for (Way way : ways) {
          long start = System.nanoTime();
          long processorStart = thread.getCurrentThreadCpuTime();
          samplings.get(way).forEach(Sampling::run);
          processorSeconds.get(way)[run] =
              (thread.getCurrentThreadCpuTime() - processorStart) / 1e9;
          seconds.get(way)[run] = (System.nanoTime() - start) / 1e9;
        }
      }
      Long peak = ProcessMemory.peakBytes();
      Long memory = only == null || before == null || peak == null ? null : peak - before;
      Map<Way, Result> results = new LinkedHashMap<>();
      for (Way way : ways) {
        int tokens = rows * SETTINGS.maxNewTokens();
        double processor = Median.of(processorSeconds.get(way));
        results.put(
            way,
            new Result(
                tokens / Median.of(seconds.get(way)),
                tokens / processor,
                only == null ? Median.of(processorSeconds.get(Way.base)) / processor : null,
                memory));
      }
      return results;
    } finally {
      samplings.values().forEach(each -> each.forEach(sampling -> sampling.sampler().close()));
    }
  }

  /** One session's part of a way. */
  private record Sampling(Sampler sampler, List<Sampler.Prompt> prompts) {
    void run() {
      sampler.sample(prompts, SETTINGS);
    }
  }

  private void open(Way way, List<LanguageModel> agents, Path folder, List<Sampling> into)
      throws IOException {
    LanguageModel base = agents.get(0).base();
    List<Sampler.Prompt> prompts = prompts(base.config(), way == Way.together ? AGENTS : 1);
    switch (way) {
      case together ->
          into.add(new Sampling(new OnnxSampler(agents, OnnxOptions.DEFAULT), prompts));
      case base -> into.add(new Sampling(new OnnxSampler(base, OnnxOptions.DEFAULT), prompts));
      case apart -> {
        int share = rows / AGENTS;
        for (int agent = 0; agent < AGENTS; agent++) {
          LanguageModel copy = copy(base, folder.resolve("merged-" + agent));
          into.add(
              new Sampling(
                  new OnnxSampler(copy, OnnxOptions.DEFAULT),
                  prompts.subList(agent * share, (agent + 1) * share)));
        }
      }
    }
  }

  private List<Sampler.Prompt> prompts(DecoderConfig config, int models) {
    SplittableRandom random = new SplittableRandom(rows);
    List<Sampler.Prompt> prompts = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      int[] tokens = random.ints(PROMPT, 0, config.vocabularySize()).toArray();
      prompts.add(new Sampler.Prompt(tokens, row, row % models));
    }
    return prompts;
  }

  private LanguageModel base(Path folder) {
    DecoderConfig config =
        large
            ? new DecoderConfig(8192, 768, 12, 12, 12, 64, 2048, 10_000, 1e-6, 2048, false)
            : PretrainingRecipe.builtIn(1).config();
    NewLanguageModel.write(
        folder,
        config,
        large ? NewLanguageModel.letters(config.vocabularySize() - 3) : CompactDialect.ALPHABET,
        CompactDialect.SPECIAL_TOKENS,
        CompactDialect.CHAT_TEMPLATE,
        0,
        0.02f);
    return endless(folder);
  }

  /** Without end tokens every row has the same length, so that the count of tokens is exact. */
  private static LanguageModel endless(Path folder) {
    LanguageModel model = LanguageModel.openToCompute(folder);
    return new LanguageModel(model.folder(), model.config(), model.weights(), List.of());
  }

  private static LanguageModel copy(LanguageModel base, Path folder) throws IOException {
    Files.createDirectories(folder);
    for (String file : List.of("config.json", Weights.FILE)) {
      Files.copy(base.folder().resolve(file), folder.resolve(file));
    }
    return endless(folder);
  }

  private static Adapter adapter(LanguageModel base, Path folder, long seed) throws IOException {
    AdapterConfig config = new AdapterConfig(RANK, 2 * RANK, 0, base.config().linearLayers());
    Map<String, long[]> shapes = config.weightShapes(base.config());
    Files.createDirectories(folder);
    config.write(folder.resolve(Adapter.CONFIG), Optional.empty());
    Random random = new Random(seed);
    Path file = folder.resolve(Adapter.WEIGHTS);
    Weights.write(file, shapes, name -> values(random, shapes.get(name)), Map.of());
    return Adapter.open(folder, base.config());
  }

  private static FloatBuffer values(Random random, long[] shape) {
    float[] values = new float[Math.toIntExact(shape[0] * shape[1])];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (0.02 * random.nextGaussian());
    }
    return FloatBuffer.wrap(values);
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
            "%,d parameters, adapters of %,d, %d rows of %d agents, %d processors%n%n%-12s %12s %14s"
                + " %14s %12s%n",
            report.parameters(),
            report.adapterParameters(),
            report.rows(),
            report.agents(),
            report.processors(),
            "",
            "tokens/s",
            "per CPU second",
            "share of base",
            "memory");
    report
        .ways()
        .forEach(
            (way, result) ->
                console
                    .out()
                    .printf(
                        Locale.ROOT,
                        "%-12s %,12.0f %,14.0f %14s %12s%n",
                        way.shown,
                        result.tokensPerSecond(),
                        result.tokensPerProcessorSecond(),
                        result.shareOfBase() == null
                            ? ""
                            : String.format(Locale.ROOT, "%.2f", result.shareOfBase()),
                        result.memoryBytes() == null ? "" : Bytes.shown(result.memoryBytes())));
  }
}
