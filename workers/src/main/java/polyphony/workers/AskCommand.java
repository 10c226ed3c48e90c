package polyphony.workers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.ask.AskedDebate;
import polyphony.activities.ask.RecordedSociety;
import polyphony.activities.ask.SocietyDebate;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.DebateTurns;
import polyphony.workflows.SamplingSpec;
import polyphony.workflows.SpecDefaults;

/** {@code polyphony ask}: a recorded society debates one question, before one's eyes. */
@Command(
    name = "ask",
    header = "Has the society of an experiment debate a question.",
    description = {
      "It debates as it debates the questions that it is evaluated on. Every answer is shown as soon"
          + " as it is there, then the vote.",
      "",
      "Nothing of it is kept. The same question with the same seed gets the same answers; another"
          + " --seed lets the society think again."
    },
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony ask mine \"12+7*23+5-14*9\"",
      "  polyphony ask mine --iteration 0 \"12+7*23+5-14*9\"    # before it was tuned",
      "  echo \"12+7*23+5-14*9\" | polyphony ask mine - --json"
    })
final class AskCommand implements Callable<Integer> {
  private static final int LONGEST_QUESTION = 1 << 20;

  private static final SocietyDebate.Listener QUIET =
      new SocietyDebate.Listener() {
        @Override
        public void begins(AskedDebate.Setting setting) {}

        @Override
        public void thinks(int round, int agent) {}

        @Override
        public void turn(AskedDebate.Turn turn) {}
      };

  private final Console console;
  private final Function<ChosenDevice, LanguageModelRuntime> runtimes;

  @Parameters(index = "0", paramLabel = "EXPERIMENT", description = "Its name.")
  private String name;

  @Parameters(
      index = "1",
      paramLabel = "QUESTION",
      description =
          "As the task's questions are written; where it is -, what standard input holds.")
  private String question;

  @Option(
      names = "--iteration",
      paramLabel = "N",
      description =
          "The society as iteration N left it; 0: untuned (default: the last that is finished).")
  private Integer iteration;

  @Option(
      names = "--rounds",
      paramLabel = "M",
      description = "Rounds of debate (default: as in the experiment).")
  private Integer rounds;

  @Option(
      names = "--seed",
      paramLabel = "SEED",
      description = "Of all that is sampled (default: the experiment's).")
  private Long seed;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Of sampling (default: as in the experiment).")
  private Double temperature;

  @Mixin private DeviceOption device;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = StoreFolder.DESCRIPTION)
  private Path store;

  @Option(names = "--json", description = "Print one JSON object, when all is said.")
  private boolean json;

  AskCommand(Console console, Function<ChosenDevice, LanguageModelRuntime> runtimes) {
    this.console = console;
    this.runtimes = runtimes;
  }

  @Override
  public Integer call() throws Exception {
    Settings settings = device.over(Settings.of(console));
    try (StoreAccess access = StoredExperiments.existing(settings, store)) {
      RecordedSociety society =
          RecordedSociety.read(access.objects(), access.artifacts(), name, iteration);
      DebateTurns turns = overridden(society.turns());
      SocietyDebate debate =
          new SocietyDebate(
              access.artifacts(),
              access.checkpoints(),
              runtimes.apply(Assembly.device(settings, console.err()::println)),
              access.work().resolve("scratch"));
      if (json) {
        console.out().println(PrettyJson.of(debate.ask(turns, question(), QUIET)));
      } else {
        AskedDebateText text =
            new AskedDebateText(console.out(), console.columns(), console.outColours().enabled());
        text.ends(debate.ask(turns, question(), text));
      }
      return 0;
    }
  }

  private DebateTurns overridden(DebateTurns turns) {
    if (rounds != null && (rounds < 1 || rounds > SpecDefaults.MAX_ROUNDS)) {
      throw PolyphonyException.config(
          "--rounds is " + rounds + ", allowed: 1 to " + SpecDefaults.MAX_ROUNDS);
    }
    if (rounds != null && rounds > 1 && !turns.debates()) {
      throw PolyphonyException.config(
          "--rounds is "
              + rounds
              + ", but "
              + turns.spec().method()
              + " does not debate: leave it out");
    }
    if (seed != null && (seed < 0 || seed > SpecDefaults.MAX_SEED)) {
      throw PolyphonyException.config(
          "--seed is " + seed + ", allowed: 0 to " + SpecDefaults.MAX_SEED);
    }
    if (temperature != null && !(temperature >= 0 && temperature <= SpecDefaults.MAX_TEMPERATURE)) {
      throw PolyphonyException.config(
          "--temperature is " + temperature + ", allowed: 0 to " + SpecDefaults.MAX_TEMPERATURE);
    }
    SamplingSpec sampling = turns.sampling();
    return new DebateTurns(
        turns.experiment(),
        turns.purpose(),
        turns.iteration(),
        turns.society(),
        seed == null ? turns.seed() : seed,
        rounds == null ? turns.rounds() : rounds,
        temperature == null
            ? sampling
            : new SamplingSpec(temperature, sampling.topP(), sampling.maxNewTokens()));
  }

  private String question() throws IOException {
    if (!question.equals("-")) {
      return question.strip();
    }
    byte[] bytes = console.in().readNBytes(LONGEST_QUESTION + 1);
    if (bytes.length > LONGEST_QUESTION) {
      throw PolyphonyException.config("standard input holds more than 1 MiB, which is no question");
    }
    return new String(bytes, StandardCharsets.UTF_8).strip();
  }
}
