package polyphony.workers;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import polyphony.activities.ask.AskedDebate;
import polyphony.activities.ask.SocietyDebate;

/** Shows a debate while it goes on. What models wrote is shown without control characters. */
final class AskedDebateText implements SocietyDebate.Listener {
  private static final int WIDEST = 100;
  private static final int NARROWEST = 40;
  private static final String NO_ANSWER = "no answer";
  private static final String ERASED_LINE = "\r\u001b[K";

  private final PrintStream out;
  private final int width;
  private final boolean colours;
  private final Map<Integer, String> before = new HashMap<>();
  private int agents;
  private int round;

  private enum Style {
    HEADING("1"),
    FAINT("2"),
    GOOD("32"),
    BAD("31");

    private final String code;

    Style(String code) {
      this.code = code;
    }
  }

  /**
   * @param columns of the terminal; text is wrapped at 100 at most
   */
  AskedDebateText(PrintStream out, int columns, boolean colours) {
    this.out = out;
    this.width = Math.max(NARROWEST, Math.min(WIDEST, columns));
    this.colours = colours;
  }

  @Override
  public void begins(AskedDebate.Setting setting) {
    agents = setting.agents();
    String who =
        setting.agents() == 1
            ? "one agent"
            : setting.agents()
                + " agents, "
                + (setting.rounds() == 1 ? "one round" : setting.rounds() + " rounds");
    line(
        styled(Style.HEADING, setting.experiment())
            + styled(
                Style.FAINT,
                String.format(
                    Locale.ROOT,
                    " · %s, %s · %s · temperature %s, seed %d",
                    setting.method(),
                    setting.iteration() == 0
                        ? "untuned"
                        : "iteration " + setting.iteration() + " of " + setting.iterations(),
                    who,
                    setting.sampling().temperature(),
                    setting.seed())));
    line("");
    wrapped(setting.question(), "  ", null);
  }

  /** On a terminal, a line that gives way to the agent's answer. */
  @Override
  public void thinks(int ofRound, int agent) {
    if (colours) {
      heading(ofRound);
      out.print(styled(Style.FAINT, "  " + name(agent) + " thinks…"));
      out.flush();
    }
  }

  private void heading(int ofRound) {
    if (ofRound != round) {
      round = ofRound;
      line("");
      line(styled(Style.HEADING, "Round " + round));
    }
  }

  private String name(int agent) {
    return agents == 1 ? "the agent" : "agent " + agent;
  }

  @Override
  public void turn(AskedDebate.Turn turn) {
    heading(turn.round());
    if (colours) {
      out.print(ERASED_LINE);
    }
    line("");
    line("  " + styled(Style.HEADING, name(turn.agent())));
    for (AskedDebate.Read read : turn.read()) {
      line(
          styled(
              Style.FAINT,
              read.agent() == null
                  ? "    reads, of what the others said:"
                  : "    reads, of agent " + read.agent() + ":"));
      wrapped(read.text(), "    | ", Style.FAINT);
    }
    if (!turn.read().isEmpty()) {
      line(styled(Style.FAINT, "    and says:"));
    }
    wrapped(turn.text(), "    ", null);
    line("    → " + outcome(turn));
    before.put(turn.agent(), turn.answer());
    out.flush();
  }

  private String outcome(AskedDebate.Turn turn) {
    StringBuilder outcome = new StringBuilder(styled(Style.HEADING, shown(turn.answer())));
    if (turn.round() > 1) {
      String earlier = before.get(turn.agent());
      outcome.append(
          styled(
              Style.FAINT,
              shown(turn.answer()).equals(shown(earlier))
                  ? " as before"
                  : " instead of " + shown(earlier)));
    }
    if (!turn.ended()) {
      outcome.append(styled(Style.FAINT, " (cut at the token limit)"));
    }
    return outcome.toString();
  }

  /** The vote and the answer. */
  void ends(AskedDebate debate) {
    AskedDebate.Vote vote = debate.vote();
    int all = vote.ballots().size();
    if (all > 1) {
      line("");
      line(styled(Style.HEADING, "Vote"));
      line("");
      for (AskedDebate.Ballot ballot : vote.ballots()) {
        line(
            "  "
                + (ballot.agrees() ? styled(Style.GOOD, "✓") : styled(Style.BAD, "✗"))
                + " agent "
                + ballot.agent()
                + ": "
                + shown(ballot.answer()));
      }
    }
    line("");
    List<String> facts = new ArrayList<>();
    if (all > 1) {
      facts.add(
          debate.answer() == null
              ? "the agents came to none"
              : vote.agreeing() + " of " + all + (all == 1 ? " agent agrees" : " agents agree"));
      if (vote.tied()) {
        facts.add("the vote was tied");
      }
    }
    if (debate.right() != null) {
      facts.add(
          debate.right()
              ? styled(Style.GOOD, "right")
              : styled(Style.BAD, "wrong: the true answer is " + shown(debate.truth())));
    }
    line(
        styled(Style.HEADING, "Answer: " + shown(debate.answer()))
            + (facts.isEmpty() ? "" : " · " + String.join(" · ", facts)));
    out.flush();
  }

  private static String shown(String answer) {
    return answer == null ? NO_ANSWER : clean(answer).replaceAll("\\s+", " ");
  }

  private void line(String text) {
    out.println(text);
  }

  private String styled(Style style, String text) {
    return colours && style != null ? "\u001b[" + style.code + "m" + text + "\u001b[0m" : text;
  }

  private void wrapped(String text, String indent, Style style) {
    for (String paragraph : clean(text).strip().lines().toList()) {
      for (String each : lines(paragraph, width - indent.length())) {
        line(styled(style, indent + each));
      }
    }
  }

  /** At words where that is possible; lengths count in code points. */
  private static List<String> lines(String paragraph, int most) {
    List<String> lines = new ArrayList<>();
    String rest = paragraph.stripTrailing();
    while (rest.codePointCount(0, rest.length()) > most) {
      int end = rest.offsetByCodePoints(0, most);
      int space = rest.lastIndexOf(' ', end);
      // A word that alone is too long is broken.
      int cut = space > 0 && !rest.substring(0, space).isBlank() ? space : end;
      lines.add(rest.substring(0, cut).stripTrailing());
      rest = rest.substring(cut).stripLeading();
    }
    lines.add(rest);
    return lines;
  }

  /** What a model wrote must not steer the terminal. */
  private static String clean(String text) {
    StringBuilder clean = new StringBuilder();
    text.codePoints()
        .map(
            each ->
                each == '\t'
                    ? ' '
                    : each != '\n'
                            && (Character.isISOControl(each)
                                || Character.getType(each) == Character.FORMAT)
                        ? '\ufffd'
                        : each)
        .forEach(clean::appendCodePoint);
    return clean.toString();
  }
}
