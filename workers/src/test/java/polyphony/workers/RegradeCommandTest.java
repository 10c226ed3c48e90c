package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.regrade.Regrading;
import polyphony.activities.regrade.Regrading.AgentSet;
import polyphony.activities.regrade.Regrading.Change;
import polyphony.workflows.Role;

/** What the command does with a real experiment is seen in {@link DamageIT}. */
class RegradeCommandTest {
  @TempDir private Path folder;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... arguments) {
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    return Polyphony.execute(console, Assembly::of, arguments);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void anExperimentThatTheStoreDoesNotHaveIsNamed() {
    assertThat(run("re-grade", "absent", "--store", folder.toString())).isEqualTo(2);
    assertThat(errors())
        .contains("the store has no experiment absent; check its name, and --store")
        .hasLineCount(1);
  }

  @Test
  void aStoreThatIsNotThereIsNamedAndNotMade() {
    Path nowhere = folder.resolve("nowhere");
    assertThat(run("re-grade", "mine", "--store", nowhere.toString())).isEqualTo(2);
    assertThat(errors()).contains("there is no store " + nowhere);
    assertThat(nowhere).doesNotExist();
  }

  @Test
  void anExperimentMustBeNamed() {
    assertThat(run("re-grade")).isEqualTo(2);
    assertThat(errors()).contains("EXPERIMENT");
  }

  private static Regrading.Iteration iteration(
      int iteration, List<Regrading.Verdict> verdicts, Regrading.Finetuning finetuning) {
    return new Regrading.Iteration(
        iteration,
        new Change<>("math-1", "math-1/released-code/default"),
        500,
        new Change<>(0.724, 0.7),
        new Change<>(0.01999, 0.0205),
        new Change<>(0.7231, 0.7012),
        verdicts,
        finetuning);
  }

  private static AgentSet set(String set, int agent, List<String> entered, List<String> left) {
    return new AgentSet(
        set.equals("D^G") ? Role.GENERATOR : Role.CRITIC,
        agent,
        set,
        new Change<>(10, 10 + entered.size() - left.size()),
        entered,
        left);
  }

  private static Regrading.Finetuning finetuning(String recorded) {
    return new Regrading.Finetuning(
        new Change<>(recorded, "math-1/released-code/default"),
        new Change<>(480, 470),
        new Change<>(0.652, null),
        List.of(new Regrading.Label("train-7", "8", null)),
        List.of(
            set("D^G", 1, List.of("a", "b"), List.of("c")),
            set("D^G", 2, List.of("a"), List.of()),
            set("D^C-", 1, List.of(), List.of("c")),
            set("D^C+", 1, List.of(), List.of())));
  }

  @Test
  void whatChangesIsAShortTable() {
    Regrading regrading =
        new Regrading(
            "mine",
            List.of(
                iteration(0, List.of(), null),
                iteration(
                    1,
                    List.of(
                        new Regrading.Verdict("q-3", true, false, new Change<>("2/4", null)),
                        new Regrading.Verdict(
                            "q-5",
                            false,
                            true,
                            new Change<>("a very long answer\nof two lines", "5"))),
                    finetuning("math-1"))));
    assertThat(RegradingTable.of(regrading))
        .isEqualTo(
            """
            mine: recorded as math-1, graded again as math-1/released-code/default

            iteration                accuracy ± s.e.      consensus  verdicts
            untuned    0.724 ± 0.020 → 0.700 ± 0.021  0.723 → 0.701   +0 / -0
            1          0.724 ± 0.020 → 0.700 ± 0.021  0.723 → 0.701   +1 / -1

            iteration   labelled  changed  label precision      D^G     D^C-     D^C+
            1          480 → 470        1        0.652 → –  +3 / -1  +0 / -1  +0 / -0

            question  iteration    was  would be                     voted  would be voted
            q-3               1  right     wrong                       2/4               –
            q-5               1  wrong     right  a very long answer of t…               5
            """);
    assertThat(RegradingTable.of(regrading).lines()).allMatch(line -> line.length() <= 100);
  }

  @Test
  void longListsOfVerdictsAreCutAndEarlierCheckersAreSaidToBeGone() {
    List<Regrading.Verdict> verdicts =
        IntStream.range(0, 25)
            .mapToObj(i -> new Regrading.Verdict("q-" + i, true, false, new Change<>("1", "2")))
            .toList();
    assertThat(
            RegradingTable.of(
                new Regrading("mine", List.of(iteration(1, verdicts, finetuning("math-0"))))))
        .contains("q-19 ")
        .doesNotContain("q-20 ")
        .endsWith("… and 5 more, see --json\n")
        .contains(
            "math-0 is no longer here: which sets the recorded answers were in is worked out by"
                + " math-1\n");
  }
}
