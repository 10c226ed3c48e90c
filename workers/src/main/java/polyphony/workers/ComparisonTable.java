package polyphony.workers;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import polyphony.activities.compare.Comparison;
import polyphony.activities.compare.PairedDifference;

/** A comparison as text: a table per row of it, then the differences. */
final class ComparisonTable {
  private static final String ABSENT = "–";

  private ComparisonTable() {}

  static String of(Comparison comparison) {
    StringBuilder text = new StringBuilder();
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
    if (!comparison.differences().isEmpty()) {
      text.append(AlignedText.of(differences(comparison)));
    }
    return text.toString();
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

  private static List<List<String>> differences(Comparison comparison) {
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
