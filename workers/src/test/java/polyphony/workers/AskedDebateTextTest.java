package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import polyphony.activities.ask.AskedDebate;
import polyphony.workflows.SamplingSpec;

class AskedDebateTextTest {
  private static AskedDebate.Setting setting(int agents, int rounds, int iteration) {
    return new AskedDebate.Setting(
        "mine",
        iteration,
        3,
        "multiagent-ft",
        "12+7*23",
        agents,
        rounds,
        0,
        new SamplingSpec(1.0, 0.9, 128),
        Map.of());
  }

  private static AskedDebate.Turn turn(
      int round, int agent, String text, String answer, AskedDebate.Read... read) {
    return new AskedDebate.Turn(round, agent, "w", List.of(read), text, true, answer);
  }

  private static final AskedDebate DEBATED =
      new AskedDebate(
          setting(2, 2, 3),
          List.of(
              turn(1, 1, "7*23=161;12+161=173#173", "173"),
              turn(1, 2, "7*23=151#163", "163"),
              turn(2, 1, "#173", "173", new AskedDebate.Read(null, "151#163")),
              turn(2, 2, "#173", "173", new AskedDebate.Read(null, "161;173#173"))),
          new AskedDebate.Vote(
              "173",
              2,
              false,
              List.of(
                  new AskedDebate.Ballot(1, "173", true), new AskedDebate.Ballot(2, "173", true))),
          "173",
          "173",
          true);

  private static String shown(AskedDebate debate, int columns, boolean colours) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    AskedDebateText text =
        new AskedDebateText(new PrintStream(bytes, true, StandardCharsets.UTF_8), columns, colours);
    text.begins(debate.setting());
    for (AskedDebate.Turn turn : debate.turns()) {
      text.thinks(turn.round(), turn.agent());
      text.turn(turn);
    }
    text.ends(debate);
    return bytes.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
  }

  @Test
  void aDebateReadsFromTopToBottom() {
    assertThat(shown(DEBATED, 100, false))
        .isEqualTo(
            """
            mine · multiagent-ft, iteration 3 of 3 · 2 agents, 2 rounds · temperature 1.0, seed 0

              12+7*23

            Round 1

              agent 1
                7*23=161;12+161=173#173
                → 173

              agent 2
                7*23=151#163
                → 163

            Round 2

              agent 1
                reads, of what the others said:
                | 151#163
                and says:
                #173
                → 173 as before

              agent 2
                reads, of what the others said:
                | 161;173#173
                and says:
                #173
                → 173 instead of 163

            Vote

              ✓ agent 1: 173
              ✓ agent 2: 173

            Answer: 173 · 2 of 2 agents agree · right
            """);
  }

  @Test
  void onATerminalItIsTheSameTextInColours() {
    String coloured = shown(DEBATED, 100, true);
    assertThat(coloured)
        .contains("\u001b[1mRound 1\u001b[0m\n\u001b[2m  agent 1 thinks…\u001b[0m\r\u001b[K\n")
        .contains("\u001b[32m✓\u001b[0m");
    assertThat(
            coloured
                .replaceAll("\u001b\\[[0-9]+m", "")
                .replaceAll("(?m)^.*thinks…\r\u001b\\[K", ""))
        .isEqualTo(shown(DEBATED, 100, false));
  }

  @Test
  void whoCannotAgreeComesToNoAnswer() {
    AskedDebate undecided =
        new AskedDebate(
            setting(2, 1, 0),
            List.of(
                turn(1, 1, "I do not know", null),
                new AskedDebate.Turn(1, 2, "w", List.of(), "7*23=", false, null)),
            new AskedDebate.Vote(
                null,
                0,
                false,
                List.of(
                    new AskedDebate.Ballot(1, null, false),
                    new AskedDebate.Ballot(2, null, false))),
            null,
            "173",
            false);
    assertThat(shown(undecided, 100, false))
        .contains("untuned · 2 agents, one round")
        .contains("→ no answer (cut at the token limit)")
        .endsWith(
            """
              ✗ agent 1: no answer
              ✗ agent 2: no answer

            Answer: no answer · the agents came to none · wrong: the true answer is 173
            """);
  }

  @Test
  void anAgentAloneNeitherVotesNorAgrees() {
    AskedDebate alone =
        new AskedDebate(
            setting(1, 1, 1),
            List.of(turn(1, 1, "#173", "173")),
            new AskedDebate.Vote("173", 1, false, List.of(new AskedDebate.Ballot(1, "173", true))),
            "173",
            null,
            null);
    assertThat(shown(alone, 100, false))
        .contains("one agent")
        .doesNotContain("Vote", "agree")
        .endsWith("\nAnswer: 173\n");
  }

  @Test
  void othersAnswersAreShownAsTheyWereRead() {
    AskedDebate debate =
        new AskedDebate(
            setting(3, 2, 1),
            List.of(
                turn(
                    2,
                    1,
                    "#173",
                    "173",
                    new AskedDebate.Read(2, "#163"),
                    new AskedDebate.Read(3, "#173"))),
            new AskedDebate.Vote("173", 2, true, DEBATED.vote().ballots()),
            "173",
            null,
            null);
    assertThat(shown(debate, 100, false))
        .contains("    reads, of agent 2:\n    | #163\n    reads, of agent 3:\n    | #173\n")
        .contains("2 of 2 agents agree · the vote was tied\n");
  }

  @Test
  void longTextIsWrappedAtWordsAndOverlongWordsAreBroken() {
    AskedDebate.Turn turn =
        turn(1, 1, "one two three four five six seven eight nine ten\n\n" + "x".repeat(90), "é");
    AskedDebate debate =
        new AskedDebate(setting(1, 1, 1), List.of(turn), DEBATED.vote(), "é", null, null);
    List<String> lines = shown(debate, 20, false).lines().toList();
    assertThat(lines)
        .contains(
            "    one two three four five six seven",
            "    eight nine ten",
            "    " + "x".repeat(36),
            "    " + "x".repeat(18));
    assertThat(lines.subList(1, lines.size())).allMatch(line -> line.length() <= 40);
  }

  @Test
  void whatAModelWritesCannotSteerTheTerminal() {
    AskedDebate debate =
        new AskedDebate(
            setting(1, 1, 1),
            List.of(turn(1, 1, "a\u001b[2Jb\rc\u202ed", "\u0007 5")),
            DEBATED.vote(),
            "\u001b]0;x",
            null,
            null);
    assertThat(shown(debate, 100, false))
        .doesNotContain("\u001b", "\r", "\u202e", "\u0007")
        .contains("a\ufffd[2Jb\ufffdc\ufffdd");
  }
}
