package polyphony.workers;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Message;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Tokenizer;
import polyphony.storage.PolyphonyException;

/** {@code polyphony model generate}: tries a model. */
@Command(
    name = "generate",
    header = "Lets a model answer a prompt.",
    description = {
      "The prompt is a user's turn in the model's chat template; with --raw it is continued as it"
          + " is, after the start token where the model's tokenizer adds one."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony model generate built-in --prompt 'Q12+3*4+5-6*7' --greedy",
      "  polyphony model generate ./SmolLM2 --raw --prompt 'Once upon a time'",
      "  polyphony model generate mine/iteration-003/generator-1 --prompt Q1+2"
    })
final class ModelGenerateCommand implements Callable<Integer> {
  /** What {@code --json} prints. */
  private record Result(String text, int[] tokens, boolean ended, int promptTokens) {}

  private final Console console;

  @Mixin private ModelArgument model;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      required = true,
      description = "What the user says.")
  private String prompt;

  @Option(names = "--raw", description = "Continue the prompt itself, without chat template.")
  private boolean raw;

  @Option(names = "--greedy", description = "Take the likeliest token each time.")
  private boolean greedy;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Divides the logits (default: 1).")
  private Double temperature;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Sample from the likeliest tokens of this mass together (default: 1, all).")
  private Double topP;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "COUNT",
      defaultValue = "256",
      description = "Longest answer (default: ${DEFAULT-VALUE}; the context's end cuts it, too).")
  private int maxNewTokens;

  @Option(
      names = "--seed",
      paramLabel = "SEED",
      defaultValue = "0",
      description = "Equal seeds give equal answers (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Mixin private DeviceOption device;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  ModelGenerateCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    SamplingSettings settings = settings();
    Settings given = device.over(Settings.of(console));
    ChosenDevice chosen = Assembly.device(given, console.err()::println);
    Result result =
        model.with(
            given,
            LanguageModel::open,
            opened -> answer(opened, settings, new NativeRuntime(chosen)));
    console.out().println(json ? PrettyJson.of(result) : result.text());
    return 0;
  }

  private Result answer(
      LanguageModel opened, SamplingSettings settings, LanguageModelRuntime runtime) {
    try (Tokenizer tokenizer = opened.tokenizer()) {
      int[] tokens =
          raw
              ? tokenizer.encodeText(prompt)
              : opened.chatFormat(tokenizer).start(List.of(Message.user(prompt))).tokens();
      if (tokens.length == 0) {
        throw PolyphonyException.config("--prompt is empty; give the model something to continue");
      }
      try (Sampler sampler = runtime.sampler(opened)) {
        Sampler.Continuation continuation =
            sampler.sample(List.of(new Sampler.Prompt(tokens, seed)), settings).get(0);
        return new Result(
            tokenizer.decode(continuation.tokens()),
            continuation.tokens(),
            continuation.ended(),
            tokens.length);
      }
    }
  }

  private SamplingSettings settings() {
    if (greedy && (temperature != null || topP != null)) {
      throw PolyphonyException.config("--greedy excludes --temperature and --top-p");
    }
    double divisor = greedy ? 0 : temperature == null ? 1 : temperature;
    double mass = topP == null ? 1 : topP;
    if (!(divisor >= 0 && divisor <= 100)) {
      throw PolyphonyException.config("--temperature is " + divisor + ", allowed: 0 to 100");
    }
    if (!(mass > 0 && mass <= 1)) {
      throw PolyphonyException.config("--top-p is " + mass + ", allowed: above 0, up to 1");
    }
    if (maxNewTokens < 1) {
      throw PolyphonyException.config(
          "--max-new-tokens is " + maxNewTokens + ", allowed: 1 or more");
    }
    return new SamplingSettings(divisor, mass, maxNewTokens);
  }
}
