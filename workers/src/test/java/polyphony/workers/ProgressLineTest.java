package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
  private static final ProgressView VIEW =
      new ProgressView(
          "debate",
          2,
          3,
          5,
          12,
          "agent 2, round 1",
          "1250/3000 answers",
          12_345,
          0.4567,
          Duration.ofSeconds(125),
          Optional.of(Duration.ofSeconds(3725)));

  @Test
  void aLineTellsWhereTheRunIs() {
    assertThat(ProgressLine.of(VIEW, 130))
        .isEqualTo(
            "█████░░░░░░░  45 % · iteration 2/3 · debate 5/12 · agent 2, round 1 ·"
                + " 1250/3000 answers · 12k tok/s · 2:05 · 1:02:05 left");
  }

  @Test
  void aNarrowTerminalLosesWhatMattersLeast() {
    assertThat(ProgressLine.of(VIEW, 99))
        .isEqualTo(
            "█████░░░░░░░  45 % · iteration 2/3 · debate 5/12 · 1250/3000 answers · 12k tok/s ·"
                + " 1:02:05 left");
    assertThat(ProgressLine.of(VIEW, 70))
        .isEqualTo("█████░░░░░░░  45 % · iteration 2/3 · debate 5/12 · 1:02:05 left");
    assertThat(ProgressLine.of(VIEW, 57))
        .isEqualTo("45 % · iteration 2/3 · debate 5/12 · 1:02:05 left");
    for (int columns = 20; columns <= 120; columns++) {
      assertThat(ProgressLine.of(VIEW, columns).length()).isLessThanOrEqualTo(columns);
    }
  }

  @Test
  void whatIsNotKnownIsLeftOut() {
    ProgressView early =
        new ProgressView(
            "start", 0, 3, 0, 0, "", "", 0, 0, Duration.ofSeconds(1), Optional.empty());
    assertThat(ProgressLine.of(early, 110))
        .isEqualTo("░░░░░░░░░░░░   0 % · untuned · start · 0:01");
    assertThat(ProgressLine.plain(early)).isEqualTo("0 % · untuned · start · 0:01");
  }

  @Test
  void aTerminalsLineIsUpdatedInPlaceAndTakenAway() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ProgressDisplay display = new ProgressDisplay(console(bytes, true));
    display.show(VIEW);
    display.show(VIEW);
    display.say("iteration 1: done");
    assertThat(bytes.toString(StandardCharsets.UTF_8))
        .isEqualTo(
            "\r\u001b[?7l"
                + ProgressLine.of(VIEW, 97)
                + "\u001b[K\u001b[?7h\r\u001b[?7l"
                + ProgressLine.of(VIEW, 97)
                + "\u001b[K\u001b[?7h\r\u001b[K"
                + "iteration 1: done"
                + System.lineSeparator());
  }

  @Test
  void aLogGetsALineForAPhaseAndThenOneNowAndThen() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ProgressDisplay display = new ProgressDisplay(console(bytes, false));
    display.show(at("debate", 1));
    display.show(at("debate", 2));
    display.show(at("vote", 3));
    display.show(at("train", 4));
    display.show(at("train", 33));
    display.show(at("train", 34));
    display.show(at("train", 10_000));
    display.show(at("train", 10_499));
    display.show(at("train", 10_600));
    assertThat(bytes.toString(StandardCharsets.UTF_8).lines())
        .extracting(
            line -> line.replaceAll(".* ([a-z]+) 5/12 .*· ([\\d:]+) · 1:02:05 left", "$1 $2"))
        .containsExactly(
            "debate 0:01",
            "vote 0:03",
            "train 0:04",
            "train 0:34",
            "train 2:46:40",
            "train 2:56:40");
    assertThat(bytes.toString(StandardCharsets.UTF_8).lines())
        .allMatch(line -> line.startsWith("progress: 45 % · iteration 2/3 · "));
    assertThat(bytes.toString(StandardCharsets.UTF_8)).doesNotContain("\u001b", "\r");
  }

  private static ProgressView at(String phase, long seconds) {
    return new ProgressView(
        phase,
        VIEW.iteration(),
        VIEW.iterations(),
        VIEW.unitsDone(),
        VIEW.units(),
        VIEW.who(),
        VIEW.count(),
        VIEW.tokensPerSecond(),
        VIEW.done(),
        Duration.ofSeconds(seconds),
        VIEW.left());
  }

  @Test
  void whatWentWellOrWrongIsColouredOnATerminalAlone() {
    assertThat(told(Map.of(), true)).contains("\u001b[32mdone").contains("\u001b[33mmend |@ that");
    assertThat(told(Map.of(), false)).isEqualTo(String.format("done%nmend |@ that%n"));
    assertThat(told(Map.of("NO_COLOR", "1"), true)).doesNotContain("\u001b[3");
  }

  private static String told(Map<String, String> environment, boolean terminal) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    ProgressDisplay display =
        new ProgressDisplay(
            new Console(InputStream.nullInputStream(), stream, stream, environment, terminal, 100));
    display.succeeded("done");
    display.warn("mend |@ that");
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static Console console(ByteArrayOutputStream err, boolean terminal) {
    PrintStream stream = new PrintStream(err, true, StandardCharsets.UTF_8);
    return new Console(InputStream.nullInputStream(), stream, stream, Map.of(), terminal, 100);
  }
}
