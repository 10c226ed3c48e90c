package polyphony.activities.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import polyphony.activities.report.ExperimentReport.Debate;
import polyphony.activities.report.ExperimentReport.Debates;
import polyphony.activities.report.ExperimentReport.Iteration;
import polyphony.activities.report.ExperimentReport.Turn;
import polyphony.activities.report.Html.Cell;
import polyphony.workflows.Role;

/** Debates that one can read, as a part of a page. */
final class DebatePart {
  /** Of one text; the whole of it is in the store. */
  private static final int LONGEST = 20_000;

  private final Page page;
  private final Html body;
  private final String name;
  private final Debates debates;
  private final Map<String, String> weights;

  DebatePart(Page page, ExperimentReport report) {
    this.page = page;
    this.body = page.body();
    this.name = report.name();
    this.debates = report.debates();
    this.weights =
        report.iterations().stream()
            .map(Iteration::report)
            .filter(each -> each.iteration() == debates.iteration())
            .findFirst()
            .map(each -> each.weights())
            .orElse(Map.of());
  }

  void write() {
    page.section("debates", "Debates");
    page.paragraph(
        "Some evaluation questions of "
            + (debates.iteration() == 0
                ? "the untuned society"
                : "iteration " + debates.iteration())
            + ". They were chosen for what there is to see in them, always in the same way, and are"
            + " not a sample: of each kind those in which most agents changed sides, were wrong at"
            + " first or agreed on a wrong answer.");
    int all = debates.counts().values().stream().mapToInt(Integer::intValue).sum();
    List<List<Cell>> rows = new ArrayList<>();
    for (DebateKind kind : DebateKind.values()) {
      int count = debates.counts().get(kind);
      rows.add(
          List.of(
              Cell.text(kind.shown()),
              Cell.text(kind.meaning()),
              Cell.number(Numerals.count(count)),
              Cell.number(String.format(Locale.ROOT, "%.1f %%", 100.0 * count / all))));
    }
    page.table(
        "What became of all " + Numerals.count(all) + " evaluation questions.",
        List.of("kind", "meaning", "questions", "share"),
        rows);
    for (int i = 0; i < debates.shown().size(); i++) {
      debate(debates.shown().get(i), i == 0);
    }
    page.paragraph("Any other question, by its number:");
    body.element(
        "pre",
        String.format(
            Locale.ROOT,
            "polyphony lineage %s/iteration-%03d --question NUMBER",
            name,
            debates.iteration()));
    page.end();
  }

  private void debate(Debate debate, boolean open) {
    if (open) {
      body.open("details", "class", "debate", "open", "");
    } else {
      body.open("details", "class", "debate");
    }
    body.open("summary");
    body.element("span", debate.kind().shown(), "class", "kind " + css(debate.kind()));
    body.text(" question " + debate.number() + ": the vote is ");
    body.element("strong", debate.label() == null ? "no answer" : debate.label());
    body.text(", the true answer ");
    body.element("strong", debate.truth() == null ? "not known" : debate.truth());
    body.close("summary");
    body.element("h3", "Question " + debate.number());
    body.element("pre", debate.text() == null ? "not known" : cut(debate.text()));
    body.open("p").text(outcome(debate) + " Vote ").hash(debate.vote()).close("p");
    Map<Integer, List<Turn>> rounds =
        debate.turns().stream()
            .collect(Collectors.groupingBy(Turn::round, TreeMap::new, Collectors.toList()));
    if (rounds.isEmpty()) {
      body.element("p", "What was said could not be read.");
    }
    rounds.forEach(
        (round, turns) -> {
          body.element("h4", "Round " + round).open("div", "class", "turns");
          turns.forEach(this::turn);
          body.close("div");
        });
    body.close("details");
  }

  private static String css(DebateKind kind) {
    return kind == DebateKind.RIGHT || kind == DebateKind.CORRECTED ? "right" : "wrong";
  }

  private static String outcome(Debate debate) {
    if (debate.label() == null) {
      return "No answer was voted for.";
    }
    return debate.agreeing()
        + " of "
        + Numerals.counted(debate.agents(), "agent", "agents")
        + " voted for "
        + debate.label()
        + (debate.tied() ? ", after a tie." : ".");
  }

  private void turn(Turn turn) {
    body.open("article", "class", "turn");
    body.open("h5").text("Agent " + turn.agent() + ": ");
    body.element("strong", turn.answer() == null ? "no answer" : turn.answer());
    if (turn.right() != null) {
      body.text(" ");
      body.element(
          "span", turn.right() ? "right" : "wrong", "class", turn.right() ? "right" : "wrong");
    }
    body.close("h5");
    body.element("pre", cut(turn.text()));
    if (!turn.ended()) {
      body.element("p", "Cut at the token limit.", "class", "small");
    }
    body.open("details", "class", turn.round() == 1 ? "question" : "read");
    body.element("summary", "what it read").element("pre", cut(turn.asked()));
    body.close("details");
    body.open("p", "class", "small").text(speaker(turn) + ", weights ").hash(turn.weights());
    body.open("br").text("line " + turn.line() + " of answers ").hash(turn.answers());
    body.close("p").close("article");
  }

  /** By its weights: where one model plays every part, it has several names. */
  private String speaker(Turn turn) {
    String usual = (turn.round() == 1 ? Role.GENERATOR : Role.CRITIC).model(turn.agent());
    if (turn.weights() == null || Objects.equals(weights.get(usual), turn.weights())) {
      return usual;
    }
    return weights.entrySet().stream()
        .filter(each -> each.getValue().equals(turn.weights()))
        .map(Map.Entry::getKey)
        .sorted()
        .findFirst()
        .orElse("a model");
  }

  private static String cut(String text) {
    return text.length() <= LONGEST
        ? text
        : text.substring(0, LONGEST)
            + "\n… and "
            + Numerals.counted(text.length() - LONGEST, "character", "characters")
            + " more, see polyphony lineage --question";
  }
}
