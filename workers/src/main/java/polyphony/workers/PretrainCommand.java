package polyphony.workers;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.pretrain.ModelCard;
import polyphony.activities.pretrain.PretrainedModelCheck;
import polyphony.activities.pretrain.Pretraining;
import polyphony.activities.pretrain.PretrainingRecipe;
import polyphony.activities.tasks.ArithmeticTask;
import polyphony.activities.tasks.Task;
import polyphony.storage.PolyphonyException;

/** Makes the built-in model from nothing. */
@Command(
    name = "pretrain",
    mixinStandardHelpOptions = true,
    header = "Makes the built-in model from nothing.",
    description =
        "Pretrains it and writes a Hugging Face folder with its card. Interrupted, the same command"
            + " goes on from the last saved state. About 20 minutes on two cores.",
    footer = {
      "",
      "Examples:",
      "  polyphony pretrain",
      "  polyphony pretrain --output ./other --seed 1"
    })
final class PretrainCommand implements Callable<Integer> {
  private static final int CHECK_QUESTIONS = 500;
  private static final int STEPS_BETWEEN_LINES = 100;

  private final Console console;
  private final Function<ChosenDevice, LanguageModelRuntime> runtimes;

  @Option(
      names = "--output",
      paramLabel = "FOLDER",
      defaultValue = "built-in-model",
      description = "Folder to write (default: ${DEFAULT-VALUE}).")
  private Path output;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "0",
      description = "Seed of every random choice (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--lanes",
      paramLabel = "COUNT",
      defaultValue = "2",
      description = "Threads; another number gives other rounding (default: ${DEFAULT-VALUE}).")
  private int lanes;

  @Mixin private DeviceOption device;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  /** What {@code pretrain --json} prints. */
  private record Pretrained(
      String folder, long seed, int lanes, PretrainedModelCheck.Figures figures) {}

  PretrainCommand(Console console, Function<ChosenDevice, LanguageModelRuntime> runtimes) {
    this.console = console;
    this.runtimes = runtimes;
  }

  @Override
  public Integer call() {
    if (Files.exists(output.resolve("config.json"))) {
      throw PolyphonyException.config(
          output + " already holds a model; name another folder with --output");
    }
    LanguageModelRuntime runtime =
        runtimes.apply(Assembly.device(device.over(Settings.of(console)), console.err()::println));
    Path work = output.resolveSibling(output.getFileName() + ".work");
    boolean resumed = Files.exists(work);
    long start = System.nanoTime();
    LongAdder tokens = new LongAdder();
    PretrainingRecipe recipe = PretrainingRecipe.builtIn(lanes);
    ArithmeticTask task = new ArithmeticTask();
    Pretraining pretraining =
        new Pretraining(
            runtime,
            question -> ArithmeticTask.splitOf(question) == Task.Split.PRETRAIN,
            (stage, report) -> {
              tokens.add(report.tokens());
              if ((report.step() + 1) % STEPS_BETWEEN_LINES == 0) {
                console
                    .err()
                    .printf(
                        Locale.ROOT,
                        "%s: step %d of %d, loss %.4f, %,.0f tokens/s%n",
                        stage.name(),
                        report.step() + 1,
                        stage.steps(),
                        report.loss(),
                        tokens.sum() / ((System.nanoTime() - start) / 1e9));
              }
            });
    Path trained = pretraining.run(work, recipe, seed);
    String effort =
        resumed
            ? "in several sittings"
            : String.format(
                Locale.ROOT,
                "in %.0f minutes (%.1f million tokens)",
                (System.nanoTime() - start) / 60e9,
                tokens.sum() / 1e6);
    PretrainedModelCheck.Figures figures =
        new PretrainedModelCheck(runtime, task)
            .measure(
                LanguageModel.open(trained),
                task.questions(Task.Split.VALIDATE, CHECK_QUESTIONS, seed),
                seed);
    String command = "deploy/polyphony pretrain --seed %d --lanes %d".formatted(seed, lanes);
    String card = ModelCard.of(recipe, seed, command, effort, figures);
    try {
      Files.writeString(trained.resolve("README.md"), card);
      Files.writeString(
          trained.resolve("polyphony.json"),
          new ObjectMapper()
                  .setDefaultPropertyInclusion(JsonInclude.Include.NON_NULL)
                  .enable(SerializationFeature.INDENT_OUTPUT)
                  .writeValueAsString(PretrainingRecipe.experimentDefaults())
              + "\n");
      Files.move(trained, output);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          output + ": cannot be written; the model is in " + trained, e);
    }
    if (json) {
      console.out().println(PrettyJson.of(new Pretrained(output.toString(), seed, lanes, figures)));
      return 0;
    }
    console.out().println(card);
    console.out().println(output);
    return 0;
  }
}
