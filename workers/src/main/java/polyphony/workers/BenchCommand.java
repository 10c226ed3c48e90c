package polyphony.workers;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxSampler;
import polyphony.activities.lm.torch.MatmulCeiling;
import polyphony.activities.lm.torch.TorchTrainer;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.activities.pretrain.PretrainingRecipe;
import polyphony.storage.TemporaryFolder;

/** Measures sampling and training with random weights at two fixed shapes. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    header = "Measures sampling and training on this machine.",
    description = {
      "Sampling: prompts of 20 tokens, 64 new tokens each, no early end, one thread.",
      "",
      "Training: 32 texts a step; its share of the ceiling is the model's floating-point operations"
          + " over what plain matrix products of the same process and threads reach."
    },
    footer = {"", "Examples:", "  polyphony bench", "  polyphony bench --json > bench.json"})
final class BenchCommand implements Callable<Integer> {
  private static final int PROMPT = 20;
  private static final int NEW_TOKENS = 64;
  private static final int TEXTS = 32;
  private static final List<Integer> BATCHES = List.of(1, 16, 128);

  /** A shape to measure. */
  private record BenchShape(String name, DecoderConfig config, String alphabet, int textLength) {
    static List<BenchShape> all() {
      return List.of(
          new BenchShape(
              "built-in: hidden 128, 4 layers",
              PretrainingRecipe.builtIn(1).config(),
              CompactDialect.ALPHABET,
              80),
          new BenchShape(
              "hidden 192, 4 layers",
              new DecoderConfig(64, 192, 4, 6, 3, 32, 512, 10000, 1e-6, 640, false),
              NewLanguageModel.letters(61),
              128));
    }
  }

  /** Median of {@code runs} runs. */
  record Sampling(String shape, int batch, int runs, double tokensPerSecond) {}

  /**
   * Median of {@code steps} steps.
   *
   * @param shareOfCeiling {@code gigaflops / ceilingGigaflops}
   */
  record Training(
      String shape,
      int threads,
      int steps,
      double tokensPerSecond,
      double gigaflops,
      double ceilingGigaflops,
      double shareOfCeiling) {}

  record Report(int processors, List<Sampling> sampling, List<Training> training) {}

  private final Console console;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  BenchCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException {
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    List<Sampling> sampling = new ArrayList<>();
    List<Training> training = new ArrayList<>();
    try (TemporaryFolder folder = new TemporaryFolder(temporary, "polyphony-bench-")) {
      for (BenchShape shape : BenchShape.all()) {
        LanguageModel model = model(folder.path(), shape);
        for (int batch : BATCHES) {
          sampling.add(sample(model, shape, batch));
        }
        for (int threads : threads()) {
          training.add(train(model, shape, threads));
        }
      }
    }
    print(new Report(Runtime.getRuntime().availableProcessors(), sampling, training));
    return 0;
  }

  private static int[] threads() {
    return IntStream.of(1, Runtime.getRuntime().availableProcessors()).distinct().toArray();
  }

  private static LanguageModel model(Path folder, BenchShape shape) {
    Path written = folder.resolve("hidden-" + shape.config().hiddenSize());
    NewLanguageModel.write(
        written,
        shape.config(),
        shape.alphabet(),
        CompactDialect.SPECIAL_TOKENS,
        CompactDialect.CHAT_TEMPLATE,
        0,
        0.02f);
    LanguageModel model = LanguageModel.open(written);
    // Without end tokens every row has the same length, so that the count of tokens is exact.
    return new LanguageModel(model.folder(), model.config(), model.weights(), List.of());
  }

  private static Sampling sample(LanguageModel model, BenchShape shape, int batch) {
    SplittableRandom random = new SplittableRandom(batch);
    List<Sampler.Prompt> prompts = new ArrayList<>();
    for (int row = 0; row < batch; row++) {
      prompts.add(new Sampler.Prompt(tokens(random, shape, PROMPT), row));
    }
    SamplingSettings settings = new SamplingSettings(1, 1, NEW_TOKENS);
    int runs = 7;
    try (Sampler sampler = new OnnxSampler(model, OnnxOptions.DEFAULT)) {
      sampler.sample(prompts, settings);
      double[] seconds = new double[runs];
      for (int run = 0; run < runs; run++) {
        long start = System.nanoTime();
        sampler.sample(prompts, settings);
        seconds[run] = (System.nanoTime() - start) / 1e9;
      }
      return new Sampling(shape.name(), batch, runs, batch * NEW_TOKENS / Median.of(seconds));
    }
  }

  private static Training train(LanguageModel model, BenchShape shape, int threads) {
    int steps = 12;
    SplittableRandom random = new SplittableRandom(1);
    List<TrainingExample> texts = new ArrayList<>();
    for (int text = 0; text < TEXTS; text++) {
      boolean[] trained = new boolean[shape.textLength()];
      Arrays.fill(trained, 1, trained.length, true);
      texts.add(new TrainingExample(tokens(random, shape, shape.textLength()), trained));
    }
    TrainingBatches batches = TrainingBatches.repeated(texts, steps + 3);
    int microBatchTokens = TEXTS * shape.textLength() / threads;
    TrainingSettings settings =
        new TrainingSettings(
            1e-3,
            TrainingSettings.Schedule.CONSTANT,
            0,
            0,
            0.9,
            0.95,
            1e-8,
            0.1,
            1,
            microBatchTokens,
            threads);
    double ceiling =
        MatmulCeiling.gigaflops(
            TEXTS * shape.textLength() / threads,
            shape.config().hiddenSize(),
            shape.config().intermediateSize(),
            threads,
            Duration.ofSeconds(2));
    try (Trainer trainer = new TorchTrainer(model, batches, settings, Optional.empty())) {
      for (int warmUp = 0; warmUp < 3; warmUp++) {
        trainer.next();
      }
      double[] seconds = new double[steps];
      for (int step = 0; step < steps; step++) {
        long start = System.nanoTime();
        trainer.next();
        seconds[step] = (System.nanoTime() - start) / 1e9;
      }
      double median = Median.of(seconds);
      double gigaflops =
          TEXTS * MatmulCeiling.trainingFlops(shape.config(), shape.textLength()) / median / 1e9;
      return new Training(
          shape.name(),
          threads,
          steps,
          TEXTS * shape.textLength() / median,
          gigaflops,
          ceiling,
          gigaflops / ceiling);
    }
  }

  private static int[] tokens(SplittableRandom random, BenchShape shape, int length) {
    return random.ints(length, 0, shape.config().vocabularySize()).toArray();
  }

  private void print(Report report) throws IOException {
    if (json) {
      console
          .out()
          .println(
              new ObjectMapper()
                  .enable(SerializationFeature.INDENT_OUTPUT)
                  .writeValueAsString(report));
      return;
    }
    console.out().printf(Locale.ROOT, "%d processors%n%n", report.processors());
    console.out().printf("%-32s %8s %14s%n", "sampling, 1 thread", "batch", "tokens/s");
    for (Sampling each : report.sampling()) {
      console
          .out()
          .printf(
              Locale.ROOT,
              "%-32s %8d %,14.0f%n",
              each.shape(),
              each.batch(),
              each.tokensPerSecond());
    }
    console
        .out()
        .printf(
            "%n%-32s %8s %14s %10s %10s %10s%n",
            "training", "threads", "tokens/s", "GFLOP/s", "ceiling", "share");
    for (Training each : report.training()) {
      console
          .out()
          .printf(
              Locale.ROOT,
              "%-32s %8d %,14.0f %10.1f %10.1f %9.0f%%%n",
              each.shape(),
              each.threads(),
              each.tokensPerSecond(),
              each.gigaflops(),
              each.ceilingGigaflops(),
              100 * each.shareOfCeiling());
    }
  }
}
