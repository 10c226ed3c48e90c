package polyphony.workers;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import polyphony.activities.lineage.Lineage;
import polyphony.activities.lineage.QuestionStory;
import polyphony.activities.lineage.ShapingExamples;

/**
 * Lineages for people; each text ends with a line break.
 *
 * @param all whether long lists are shown whole
 * @param arrow between what a thing is to the one above, and the thing
 */
record LineageText(boolean all, String arrow) {
  private static final int SIBLINGS = 4;
  private static final int EXAMPLES = 20;
  private static final int DIGITS = 12;

  /** An indented tree. */
  String of(Lineage.Tree tree) {
    StringBuilder text = new StringBuilder();
    append(tree, "", text);
    return text.toString();
  }

  private void append(Lineage.Tree tree, String indent, StringBuilder text) {
    Lineage.Node node = tree.node();
    text.append(indent);
    if (!tree.as().isEmpty()) {
      text.append(tree.as()).append(arrow);
    }
    text.append(node.title());
    if (node.kind() != Lineage.Kind.REPORT) {
      text.append("  ").append(node.id(), 0, DIGITS);
    }
    if (tree.above()) {
      text.append("  (above)\n");
      return;
    }
    text.append("  · ").append(String.join(" · ", node.facts())).append('\n');
    String deeper = indent + "  ";
    if (tree.more() > 0) {
      text.append(deeper).append("… ").append(tree.more()).append(" below, see --depth\n");
    }
    Map<String, List<Lineage.Tree>> groups = new LinkedHashMap<>();
    for (Lineage.Tree each : tree.below()) {
      groups.computeIfAbsent(each.as(), unused -> new ArrayList<>()).add(each);
    }
    groups.forEach(
        (as, group) -> {
          int shown = all ? group.size() : Math.min(group.size(), SIBLINGS);
          group.subList(0, shown).forEach(each -> append(each, deeper, text));
          if (shown < group.size()) {
            text.append(deeper)
                .append(as)
                .append(arrow)
                .append("… and ")
                .append(group.size() - shown)
                .append(" more, see --all\n");
          }
        });
  }

  /** A table, the latest training last. */
  String of(List<ShapingExamples.Shaping> examples) {
    if (examples.isEmpty()) {
      return "the base model: no example of an experiment shaped it\n";
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "question",
            "iteration",
            "kind",
            "agent",
            "round",
            "answer",
            "answers:line",
            "set:line"));
    int shown = all ? examples.size() : Math.min(examples.size(), EXAMPLES);
    for (ShapingExamples.Shaping each : examples.subList(0, shown)) {
      rows.add(
          List.of(
              each.question(),
              Integer.toString(each.iteration()),
              each.kind(),
              shown(each.agent()),
              shown(each.round()),
              shown(each.answer()),
              each.answers() == null
                  ? "–"
                  : each.answers().substring(0, DIGITS) + ":" + each.answerLine(),
              each.examples().substring(0, DIGITS) + ":" + each.line()));
    }
    return AlignedText.of(rows)
        + (shown < examples.size()
            ? "… and " + (examples.size() - shown) + " more, see --all\n"
            : "")
        + examples.size()
        + (examples.size() == 1 ? " example" : " examples")
        + ", of "
        + examples.stream().map(ShapingExamples.Shaping::training).distinct().count()
        + " trainings\n";
  }

  /** Who said what. */
  String of(QuestionStory story) {
    StringBuilder text = new StringBuilder("question ").append(story.question());
    text.append(": ")
        .append(story.label() == null ? "no label" : story.label())
        .append(", ")
        .append(story.agreeing())
        .append(story.agreeing() == 1 ? " vote" : " votes")
        .append("  · vote ")
        .append(story.vote(), 0, DIGITS)
        .append(" · outcome ")
        .append(story.votes(), 0, DIGITS)
        .append('\n');
    for (QuestionStory.Said said : story.said()) {
      text.append("  round ").append(said.round()).append(", agent ").append(said.agent());
      text.append(": ").append(shown(said.answer()));
      text.append("  · answers ").append(said.answers(), 0, DIGITS).append(':').append(said.line());
      if (said.weights() != null) {
        text.append(" · weights ").append(said.weights(), 0, DIGITS);
      }
      text.append('\n');
      if (said.summary() != null) {
        said.summary()
            .lines()
            .forEach(line -> text.append("    told | ").append(line).append('\n'));
      }
      said.text().lines().forEach(line -> text.append("    | ").append(line).append('\n'));
    }
    return text.toString();
  }

  private static String shown(Object value) {
    return value == null ? "–" : value.toString();
  }
}
