package polyphony.workers;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.torch.TorchEngine;
import polyphony.activities.lm.torch.TorchTrainer;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;

/** {@code polyphony bench training}: what finetuning of every weight takes, and of an adapter. */
@Command(
    name = "training",
    header = "Measures full finetuning and LoRA, with and without recomputation.",
    description = {
      "Trains a model of random weights on one thread: every weight, or an adapter on every linear"
          + " layer; activations kept, or computed again for the gradient. All texts are one"
          + " micro-batch.",
      "",
      "The ways come one after another; with --only, one has a process of its own, which is how to"
          + " measure memory. Memory is what a way adds to the program's own, beside what was"
          + " planned."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony bench training",
      "  polyphony bench training --only lora-recompute --json",
      "  polyphony bench training --hidden 256 --layers 4 --texts 32"
    })
final class TrainingBenchCommand implements Callable<Integer> {
  private static final int HEAD_SIZE = 64;

  /** What is trained, and what becomes of activations. */
  private record Way(String name, boolean lora, boolean recompute) {
    static final List<Way> ALL =
        List.of(
            new Way("full", false, false),
            new Way("full-recompute", false, true),
            new Way("lora", true, false),
            new Way("lora-recompute", true, true));
  }

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
      names = "--vocabulary",
      paramLabel = "COUNT",
      defaultValue = "8192",
      description = "Tokens (default: ${DEFAULT-VALUE}).")
  private int vocabulary;

  @Option(
      names = "--texts",
      paramLabel = "COUNT",
      defaultValue = "8",
      description = "Texts of a step (default: ${DEFAULT-VALUE}).")
  private int texts;

  @Option(
      names = "--length",
      paramLabel = "TOKENS",
      defaultValue = "128",
      description = "Of a text; half of them are trained (default: ${DEFAULT-VALUE}).")
  private int length;

  @Option(
      names = "--rank",
      paramLabel = "RANK",
      defaultValue = "8",
      description = "Of the adapter (default: ${DEFAULT-VALUE}).")
  private int rank;

  @Option(
      names = "--dropout",
      paramLabel = "SHARE",
      defaultValue = "0",
      description = "Of the adapter's input (default: ${DEFAULT-VALUE}).")
  private double dropout;

  @Option(
      names = "--steps",
      paramLabel = "COUNT",
      defaultValue = "5",
      description = "Steps that are measured, after one that is not (default: ${DEFAULT-VALUE}).")
  private int steps;

  @Option(
      names = "--only",
      paramLabel = "WAY",
      description = "Measure one way alone: full, full-recompute, lora or lora-recompute.")
  private String only;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  TrainingBenchCommand(Console console) {
    this.console = console;
  }

  /**
   * What one way came to.
   *
   * @param trainedParameters of which there are gradients and moments
   * @param secondsPerStep median
   * @param processorSecondsPerStep median, not counting what others had of the processor
   * @param savedBytes what is stored of a trained model, beside its base
   * @param memoryBytes resident memory at the peak, above the program's own; null where the system
   *     does not tell
   * @param plannedBytes what {@link MemoryPlan} says of it
   */
  record Result(
      long trainedParameters,
      double secondsPerStep,
      double processorSecondsPerStep,
      long savedBytes,
      Long memoryBytes,
      long plannedBytes) {}

  /**
   * What the bench measured.
   *
   * @param parameters of the model
   */
  record Report(
      int processors,
      long parameters,
      int texts,
      int length,
      int rank,
      int steps,
      Map<String, Result> ways) {}

  @Override
  public Integer call() throws IOException {
    List<Way> ways =
        Way.ALL.stream().filter(way -> only == null || way.name().equals(only)).toList();
    if (ways.isEmpty()) {
      throw PolyphonyException.config(
          "--only must be one of "
              + Way.ALL.stream().map(Way::name).collect(Collectors.joining(", "))
              + ", not "
              + only);
    }
    if (hidden < HEAD_SIZE || hidden % HEAD_SIZE != 0 || layers < 1 || steps < 1 || texts < 1) {
      throw PolyphonyException.config(
          "--hidden must be a multiple of "
              + HEAD_SIZE
              + ", --layers, --steps and --texts at least 1");
    }
    if (vocabulary < 100 || vocabulary > 50_000 || length < 2) {
      throw PolyphonyException.config(
          "--vocabulary must be from 100 to 50000, --length at least 2");
    }
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    try (TemporaryFolder folder = new TemporaryFolder(temporary, "polyphony-bench-")) {
      LanguageModel model = model(folder.path().resolve("model"));
      TorchEngine.start();
      Map<String, Result> results = new LinkedHashMap<>();
      for (Way way : ways) {
        results.put(way.name(), measure(way, model, folder.path().resolve("trained")));
      }
      print(
          new Report(
              Runtime.getRuntime().availableProcessors(),
              model.config().parameters(),
              texts,
              length,
              rank,
              steps,
              results));
    }
    return 0;
  }

  private LanguageModel model(Path folder) {
    DecoderConfig config =
        new DecoderConfig(
            vocabulary,
            hidden,
            layers,
            hidden / HEAD_SIZE,
            hidden / HEAD_SIZE,
            HEAD_SIZE,
            hidden * 8 / 3,
            10_000,
            1e-6,
            Math.max(2048, length),
            false);
    NewLanguageModel.write(
        folder,
        config,
        NewLanguageModel.letters(vocabulary - 3),
        CompactDialect.SPECIAL_TOKENS,
        CompactDialect.CHAT_TEMPLATE,
        0,
        0.02f);
    return LanguageModel.openToCompute(folder);
  }

  private Result measure(Way way, LanguageModel model, Path saved) throws IOException {
    List<TrainingExample> batch = batch(model.config());
    Optional<AdapterConfig> adapter =
        way.lora()
            ? Optional.of(
                new AdapterConfig(rank, 2.0 * rank, dropout, model.config().linearLayers()))
            : Optional.empty();
    TrainingSettings settings =
        new TrainingSettings(
            1e-4,
            TrainingSettings.Schedule.CONSTANT,
            0,
            0,
            0.9,
            0.99,
            1e-8,
            0,
            1,
            texts * length,
            1,
            adapter.map(each -> new TrainingSettings.Lora(each, 0)),
            way.recompute());
    MemoryPlan plan =
        MemoryPlan.training(
            model,
            adapter,
            way.recompute(),
            1,
            (long) texts * length,
            batch.stream().mapToLong(TrainingExample::trainedTokens).sum());
    // The model's values were on the heap while they were written.
    System.gc();
    ProcessMemory.forgetPeak();
    Long before = ProcessMemory.peakBytes();
    double[] seconds = new double[steps];
    double[] processorSeconds = new double[steps];
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    try (Trainer trainer =
        new TorchTrainer(
            model, TrainingBatches.repeated(batch, steps + 1), settings, Optional.empty())) {
      trainer.next();
      for (int step = 0; step < steps; step++) {
        long start = System.nanoTime();
        long processorStart = system.getProcessCpuTime();
        trainer.next();
        processorSeconds[step] = (system.getProcessCpuTime() - processorStart) / 1e9;
        seconds[step] = (System.nanoTime() - start) / 1e9;
      }
      Long peak = ProcessMemory.peakBytes();
      trainer.saveWeights(saved);
      return new Result(
          adapter
              .map(each -> each.parameters(model.config()))
              .orElseGet(model.config()::parameters),
          Median.of(seconds),
          Median.of(processorSeconds),
          Files.size(saved),
          before == null || peak == null ? null : peak - before,
          plan.bytes() - plan.parts().get("program"));
    }
  }

  private List<TrainingExample> batch(DecoderConfig config) {
    SplittableRandom random = new SplittableRandom(1);
    List<TrainingExample> batch = new ArrayList<>();
    for (int text = 0; text < texts; text++) {
      boolean[] trained = new boolean[length];
      Arrays.fill(trained, length / 2, length, true);
      batch.add(
          new TrainingExample(random.ints(length, 0, config.vocabularySize()).toArray(), trained));
    }
    return batch;
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
            "%,d parameters, %d texts of %d tokens, rank %d, %d processors%n%n%-16s %14s %10s %10s"
                + " %12s %12s %12s%n",
            report.parameters(),
            report.texts(),
            report.length(),
            report.rank(),
            report.processors(),
            "",
            "trained",
            "s/step",
            "CPU s",
            "memory",
            "planned",
            "stored");
    report
        .ways()
        .forEach(
            (way, result) ->
                console
                    .out()
                    .printf(
                        Locale.ROOT,
                        "%-16s %,14d %10.2f %10.2f %12s %12s %12s%n",
                        way,
                        result.trainedParameters(),
                        result.secondsPerStep(),
                        result.processorSecondsPerStep(),
                        result.memoryBytes() == null ? "" : Bytes.shown(result.memoryBytes()),
                        Bytes.shown(result.plannedBytes()),
                        Bytes.shown(result.savedBytes())));
  }
}
