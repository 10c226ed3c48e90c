package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import polyphony.workflows.SpecDefaults;

/** What every command says of itself. */
class CommandHelpTest {
  private static final int COLUMNS = 100;

  /** Examples are copied: not even a terminal of this width breaks them. */
  private static final int NARROW = 80;

  /** A word as a shell takes it: quoted or not. */
  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|'([^']*)'|([^\\s\"']+)");

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  static Stream<CommandLine> everyCommand() {
    return withBelow(commands());
  }

  private static CommandLine commands() {
    PrintStream nowhere =
        new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    return Polyphony.commands(
        new Console(InputStream.nullInputStream(), nowhere, nowhere, Map.of(), false, COLUMNS),
        (settings, store) -> {
          throw new IllegalStateException("nothing is run here");
        });
  }

  private static Stream<CommandLine> withBelow(CommandLine command) {
    return Stream.concat(
        Stream.of(command),
        command.getSubcommands().values().stream().flatMap(CommandHelpTest::withBelow));
  }

  @ParameterizedTest
  @MethodSource("everyCommand")
  void everyCommandSaysWhatItIsForAndWhatItDoes(CommandLine command) {
    var usage = command.getCommandSpec().usageMessage();
    assertThat(usage.header()).as("header: its purpose in a line").hasSize(1);
    assertThat(usage.header()[0]).hasSizeLessThanOrEqualTo(70).endsWith(".");
    assertThat(String.join("", usage.description())).as("description").isNotBlank();
    for (ArgSpec each : command.getCommandSpec().args()) {
      assertThat(String.join("", each.description())).as("%s", each).isNotBlank();
    }
    for (OptionSpec each : command.getCommandSpec().options()) {
      if (each.arity().max() > 0) {
        assertThat(each.paramLabel()).as("label of %s", each.longestName()).doesNotContain("<");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("everyCommand")
  void itsHelpFitsIntoItsColumns(CommandLine command) {
    assertThat(command.getUsageMessage(Ansi.OFF).lines())
        .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(COLUMNS));
    assertThat(command.getUsageMessage(Ansi.OFF)).contains("Common options:\n", "--help");
  }

  @ParameterizedTest
  @MethodSource("everyCommand")
  void itsExamplesAreCommandsOfIts(CommandLine command) {
    List<String> examples = examples(command);
    assertThat(examples).as("examples").isNotEmpty();
    String name = command.getCommandSpec().qualifiedName();
    assertThat(examples).as("examples of itself").anyMatch(each -> each.contains(name));
    command.setUsageHelpWidth(NARROW);
    for (String example : examples) {
      assertThat(command.getUsageMessage(Ansi.OFF).lines()).contains(example);
      assertThatCode(() -> commands().parseArgs(arguments(example)))
          .as(example)
          .doesNotThrowAnyException();
    }
  }

  @Test
  void anExampleThatIsWrongIsFound() {
    assertThat(arguments("  polyphony run - --agents 5 > out.json    # of five"))
        .containsExactly("run", "-", "--agents", "5");
    assertThat(arguments("  echo '{\"pred\": \"a|b\"}' | polyphony grade --task number"))
        .containsExactly("grade", "--task", "number");
    assertThat(arguments("  polyphony abort mine \"the wrong seed\""))
        .containsExactly("abort", "mine", "the wrong seed");
    assertThatCode(() -> commands().parseArgs(arguments("  polyphony run --agent 5")))
        .isInstanceOf(CommandLine.ParameterException.class);
  }

  @Test
  void commandsAreFoundByWhatAPersonWantsToDo() {
    List<String> grouped =
        CommandHelp.GROUPS.values().stream().flatMap(List::stream).collect(Collectors.toList());
    assertThat(grouped)
        .as("each command is in one group of CommandHelp")
        .containsExactlyInAnyOrderElementsOf(commands().getSubcommands().keySet());
    assertThat(commands().getUsageMessage(Ansi.OFF))
        .contains("\nWatching and steering:\n", "\nServers:\n  bootstrap ", "Common options:\n")
        .doesNotContain("\nMore:");
  }

  @Test
  void helpOfACommandIsWhatItsFlagPrints() {
    assertThat(run("help", "data", "import")).isZero();
    String help = told(out);
    assertThat(run("data", "import", "--help")).isZero();
    assertThat(told(out)).isEqualTo(help).contains("polyphony data import [OPTIONS] NAME PATH");
    assertThat(run("help")).isZero();
    assertThat(told(out)).contains("Running:");
    assertThat(told(err)).isEmpty();
  }

  @Test
  void whatAForkMayChangeIsNamedInItsHelp() {
    OptionSpec set = commands().getSubcommands().get("fork").getCommandSpec().findOption("--set");
    assertThat(String.join(" ", set.description()).split("[ ,.]+"))
        .containsSubsequence(SpecDefaults.CHANGED_BY_FORK);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "run --agent 3 | there is no option --agent; did you mean --agents? See polyphony run",
        "run --itertions=3 | there is no option --itertions; did you mean --iterations?",
        "run --iter 3 | there is no option --iter; did you mean --iterations?",
        "run --fly | there is no option --fly; see polyphony run --help",
        "stats mine | there is no command stats; did you mean status? See polyphony --help",
        "help data imports | there is no command imports; did you mean import",
        "status mine yours | there is no place for \"yours\"; see polyphony status --help",
        "extend mine two | COUNT",
        "fork mine --from 2 --set agents=5 | --set agents: a fork cannot change it; allowed are rounds,",
        "fork mine --from 2 --set fork.iteration=5 | --set fork.iteration: a fork cannot change it",
        "fork mine --from 2 --set fork.experiment=x | --set fork.experiment: a fork cannot change it",
        "fork mine --from 2 --set experiment=y | --set experiment: a fork cannot change it",
        "grade | --task"
      })
  void aMistakeIsOneLineThatNamesWhatWasProbablyMeant(String arguments, String part) {
    assertThat(run(arguments.split(" "))).isEqualTo(Failure.INPUT);
    assertThat(told(out)).isEmpty();
    assertThat(told(err)).startsWith("polyphony: ").contains(part).hasLineCount(1);
  }

  @Test
  void whatPrintsAResultPrintsItAsJson() {
    assertThat(
            everyCommand()
                .filter(each -> !each.getCommandSpec().optionsMap().containsKey("--json"))
                .map(each -> each.getCommandSpec().qualifiedName()))
        .as("without --json: no result, one in no other form, or JSON lines anyway")
        .containsExactlyInAnyOrder(
            "polyphony",
            "polyphony worker",
            "polyphony serve",
            "polyphony export",
            "polyphony model",
            "polyphony data",
            "polyphony grade",
            "polyphony completion",
            "polyphony help");
  }

  @Test
  void defaultsDoNotChangeUnnoticed() {
    assertThat(
            everyCommand()
                .flatMap(
                    command ->
                        command.getCommandSpec().options().stream()
                            .filter(option -> option.defaultValue() != null)
                            .filter(option -> !option.longestName().equals("--store"))
                            .map(
                                option ->
                                    command.getCommandSpec().qualifiedName()
                                        + " "
                                        + option.longestName()
                                        + "="
                                        + option.defaultValue())))
        .containsExactlyInAnyOrder(
            "polyphony start --priority=3",
            "polyphony worker --grace=50",
            "polyphony prune --older-than=7d",
            "polyphony export curves --mlflow-experiment=polyphony",
            "polyphony serve --port=8234",
            "polyphony serve --bind=127.0.0.1",
            "polyphony model generate --max-new-tokens=256",
            "polyphony model generate --seed=0",
            "polyphony model logits --backend=onnx",
            "polyphony model memory --tokens=2048",
            "polyphony model memory --rank=16",
            "polyphony bench iteration --hidden=768",
            "polyphony bench iteration --layers=12",
            "polyphony bench iteration --feed-forward=2048",
            "polyphony bench iteration --vocabulary=32000",
            "polyphony bench iteration --questions=12",
            "polyphony bench iteration --new-tokens=16",
            "polyphony bench adapters --rows=128",
            "polyphony bench adapters --runs=7",
            "polyphony bench training --hidden=768",
            "polyphony bench training --layers=12",
            "polyphony bench training --vocabulary=8192",
            "polyphony bench training --texts=8",
            "polyphony bench training --length=128",
            "polyphony bench training --rank=8",
            "polyphony bench training --dropout=0",
            "polyphony bench training --steps=5",
            "polyphony grade --mode=default",
            "polyphony bench device --device=auto",
            "polyphony bench device --limit=480",
            "polyphony bench chaos --repeat=5",
            "polyphony bench chaos --parallel=1",
            "polyphony pretrain --output=built-in-model",
            "polyphony pretrain --seed=0",
            "polyphony pretrain --lanes=2");
    assertThat(
            everyCommand()
                .flatMap(command -> command.getCommandSpec().options().stream())
                .filter(option -> option.longestName().equals("--store"))
                .map(OptionSpec::defaultValue))
        .isNotEmpty()
        .containsOnly("polyphony-store");
  }

  @Test
  void onlyATerminalIsColoured() {
    assertThat(help(Map.of(), false)).doesNotContain("\u001b");
    assertThat(help(Map.of(), true)).contains("\u001b[");
    assertThat(help(Map.of("NO_COLOR", "1"), true)).doesNotContain("\u001b");
  }

  private String help(Map<String, String> environment, boolean terminal) {
    out.reset();
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    Polyphony.execute(
        new Console(
            InputStream.nullInputStream(), stream, stream, environment, false, 80, terminal),
        Instruments.NONE,
        "run",
        "--help");
    return told(out);
  }

  private static List<String> examples(CommandLine command) {
    return Arrays.stream(command.getCommandSpec().usageMessage().footer())
        .filter(line -> line.matches("  .*\\bpolyphony .*"))
        .toList();
  }

  /** What a shell makes of a line. */
  private static String[] arguments(String line) {
    List<String> words = new ArrayList<>();
    Matcher matcher =
        WORD.matcher(line.replaceFirst("\\s#.*", "").replaceFirst("<\\((.*)\\)", "$1"));
    while (matcher.find()) {
      words.add(
          Stream.of(matcher.group(1), matcher.group(2), matcher.group(3))
              .filter(each -> each != null)
              .findFirst()
              .orElseThrow());
    }
    List<String> ours = words.subList(words.indexOf("polyphony") + 1, words.size());
    int redirected = ours.indexOf(">");
    return (redirected < 0 ? ours : ours.subList(0, redirected)).toArray(String[]::new);
  }

  private int run(String... arguments) {
    out.reset();
    err.reset();
    return Polyphony.execute(
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            COLUMNS),
        Instruments.NONE,
        arguments);
  }

  private static String told(ByteArrayOutputStream stream) {
    return stream.toString(StandardCharsets.UTF_8);
  }
}
