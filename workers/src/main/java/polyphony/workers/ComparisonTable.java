package polyphony.workers;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import polyphony.activities.compare.Comparison;
import polyphony.activities.compare.PairedDifference;
import polyphony.workflows.ComparisonResult;

/**
 * A comparison as text: what every method came to, then each one's iterations, then the
 * differences.
 */
final class ComparisonTable {
  private static final String ABSENT = "–";

  private ComparisonTable() {}

  static String of(Comparison comparison) {
    StringBuilder text = new StringBuilder(summary(comparison));
    for (Comparison.Row row : comparison.rows()) {
      text.append(row.label())
          .append(": seeds ")
          .append(row.seeds().stream().map(String::valueOf).collect(Collectors.joining(", ")))
          .append("; ")
          .append(row.questions())
          .append(" questions\n")
          .append(AlignedText.of(points(row)))
          .append('\n');
    }
    return text.append(differences(comparison)).toString();
  }

  /** The differences, line by line; empty where there are none. */
  static String differences(Comparison comparison) {
    return comparison.differences().isEmpty() ? "" : AlignedText.of(differenceLines(comparison));
  }

  /** What every method came to and what it cost, by task and base model. */
  static String summary(Comparison comparison) {
    StringBuilder text = new StringBuilder();
    sections(comparison)
        .forEach(
            (section, rows) ->
                text.append(section).append('\n').append(AlignedText.of(lasts(rows))).append('\n'));
    return text.toString();
  }

  /** The rows that can be held against each other, by task and base model in words. */
  static Map<String, List<Comparison.Row>> sections(Comparison comparison) {
    return comparison.rows().stream()
        .collect(
            Collectors.groupingBy(
                row -> row.task() + ", base model " + row.baseModel(),
                LinkedHashMap::new,
                Collectors.toList()));
  }

  private static List<List<String>> lasts(List<Comparison.Row> rows) {
    List<List<String>> lines = new ArrayList<>();
    lines.add(List.of("", "", "", "", "sampled to", "trained", "tokens per", "device"));
    lines.add(
        List.of(
            "method",
            "iteration",
            "accuracy ± s.e.",
            "rank",
            "finetune",
            "tokens",
            "answer",
            "seconds"));
    for (Comparison.Row row : rows) {
      Comparison.Point last = row.last();
      ComparisonResult.Budget budget = last.budget();
      lines.add(
          List.of(
              row.label(),
              last.iteration() == 0 ? "untuned" : Integer.toString(last.iteration()),
              decimals(last.accuracy(), 3) + " ± " + decimals(last.standardError(), 3),
              rows.size() == 1 ? ABSENT : row.rank().toString(),
              budget == null ? ABSENT : count(budget.sampledTokens()),
              budget == null ? ABSENT : count(budget.trainedTokens()),
              budget == null ? ABSENT : count(budget.answerTokens()),
              budget == null ? ABSENT : count(budget.deviceSeconds())));
    }
    return lines;
  }

  /** Such as {@code 812}, {@code 35k} or {@code 1.2M}. */
  private static String count(double value) {
    return value < 10_000
        ? String.format(Locale.ROOT, "%.0f", value)
        : value < 1e6
            ? String.format(Locale.ROOT, "%.0fk", value / 1e3)
            : String.format(Locale.ROOT, "%.1fM", value / 1e6);
  }

  private static List<List<String>> points(Comparison.Row row) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "", "", "one", "", "likeli-", "embedding", "KL", "KL", "label", "examples", "D^C-"));
    rows.add(
        List.of(
            "iteration",
            "accuracy ± s.e.",
            "answer",
            "consensus",
            "hood",
            "dissim.",
            "agents",
            "to base",
            "precision",
            "gen. / critic",
            "share"));
    for (Comparison.Point point : row.iterations()) {
      rows.add(
          List.of(
              point.iteration() == 0 ? "untuned" : Integer.toString(point.iteration()),
              decimals(point.accuracy(), 3) + " ± " + decimals(point.standardError(), 3),
              decimals(point.firstRoundAccuracy(), 3),
              decimals(point.consensus(), 3),
              decimals(point.likelihood(), 3),
              decimals(point.embeddingDissimilarity(), 3),
              decimals(point.klBetweenAgents(), 3),
              decimals(point.klToBase(), 3),
              decimals(point.labelPrecision(), 3),
              point.generatorExamples() == null
                  ? ABSENT
                  : decimals(point.generatorExamples(), 0)
                      + " / "
                      + decimals(point.criticExamples(), 0),
              decimals(point.correctedShare(), 2)));
    }
    return rows;
  }

  private static List<List<String>> differenceLines(Comparison comparison) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "paired by question",
            "difference ± s.e.",
            "in s.e.",
            "95 % interval",
            "questions",
            ""));
    for (Comparison.Difference each : comparison.differences()) {
      PairedDifference paired = each.paired();
      rows.add(
          List.of(
              named(each.label(), each.iteration())
                  + " against "
                  + named(each.than(), each.thanIteration()),
              signed(paired.difference()) + " ± " + decimals(paired.standardError(), 3),
              String.format(Locale.ROOT, "%+.1f", paired.standardErrors()),
              signed(paired.low()) + " to " + signed(paired.high()),
              Integer.toString(paired.questions()),
              paired.undecided() ? "undecided" : paired.difference() > 0 ? "higher" : "lower"));
    }
    return rows;
  }

  private static String named(String label, int iteration) {
    return iteration == 0 ? label + ", untuned" : label + ", iteration " + iteration;
  }

  private static String signed(double value) {
    return String.format(Locale.ROOT, "%+.3f", value);
  }

  private static String decimals(Double value, int places) {
    return value == null ? ABSENT : String.format(Locale.ROOT, "%." + places + "f", value);
  }
}
