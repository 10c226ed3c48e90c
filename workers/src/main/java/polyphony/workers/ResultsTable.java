package polyphony.workers;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import polyphony.workflows.IterationReport;

/** An experiment's results as aligned text, at most 100 columns wide. */
final class ResultsTable {
  private static final String ABSENT = "–";
  private static final List<String> FIRST_HEADER =
      List.of("", "", "", "likeli-", "embedding", "KL", "KL", "label", "examples");
  private static final List<String> SECOND_HEADER =
      List.of(
          "iteration",
          "accuracy ± s.e.",
          "consensus",
          "hood",
          "dissim.",
          "agents",
          "to base",
          "precision",
          "gen. / critic");

  private ResultsTable() {}

  /** Columns that a narrow terminal does without, first what is missed least. */
  private static final List<Integer> DISPENSABLE = List.of(3, 6, 5, 4, 8);

  private static final String NARROWED = "a wider terminal, or --json, shows more columns\n";

  /** The table with all its columns. */
  static String of(List<IterationReport> reports) {
    return of(reports, Integer.MAX_VALUE);
  }

  /**
   * The table, one line per iteration under two lines of headings, and below it what a reader
   * should know of its numbers; ends with a line break.
   *
   * @param width columns that a line may have; what does not fit is left out
   */
  static String of(List<IterationReport> reports, int width) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(FIRST_HEADER);
    rows.add(SECOND_HEADER);
    for (IterationReport each : reports) {
      rows.add(
          List.of(
              each.iteration() == 0 ? "untuned" : Integer.toString(each.iteration()),
              accuracy(each),
              decimals(each.consensus()),
              decimals(each.likelihood()),
              decimals(each.embeddingDissimilarity()),
              decimals(each.klBetweenAgents()),
              decimals(each.klToBase()),
              decimals(each.labelPrecision()),
              examples(each)));
    }
    List<Integer> shown =
        new ArrayList<>(IntStream.range(0, SECOND_HEADER.size()).boxed().toList());
    String table = AlignedText.of(rows);
    for (Integer column : DISPENSABLE) {
      if (table.lines().allMatch(line -> line.length() <= width)) {
        break;
      }
      shown.remove(column);
      table =
          AlignedText.of(rows.stream().map(row -> shown.stream().map(row::get).toList()).toList());
    }
    return table + (shown.size() < SECOND_HEADER.size() ? NARROWED : "") + undecided(reports);
  }

  /** A line, or nothing. */
  private static String undecided(List<IterationReport> reports) {
    int undecided = reports.stream().mapToInt(IterationReport::undecided).sum();
    return undecided == 0
        ? ""
        : undecided
            + (undecided == 1 ? " comparison" : " comparisons")
            + " of answers undecided: not understood, or too costly; counted as different\n";
  }

  /** One iteration in one line, for a run under way. */
  static String line(IterationReport report) {
    StringBuilder line =
        new StringBuilder(
            report.iteration() == 0
                ? "untuned society: accuracy "
                : "iteration " + report.iteration() + ": accuracy ");
    line.append(accuracy(report)).append(", consensus ").append(decimals(report.consensus()));
    if (report.labelPrecision() != null) {
      line.append(", ")
          .append(decimals(100 * report.labelPrecision(), 1))
          .append(" % of the labels right, ")
          .append(examples(report))
          .append(" examples");
    }
    return line.toString();
  }

  private static String accuracy(IterationReport report) {
    return decimals(report.accuracy()) + " ± " + decimals(report.standardError());
  }

  private static String examples(IterationReport report) {
    int generators = sum(report.generatorExamples());
    int critics = sum(report.criticExamples());
    return generators + critics == 0 ? ABSENT : generators + " / " + critics;
  }

  private static int sum(List<Integer> counts) {
    return counts == null ? 0 : counts.stream().mapToInt(Integer::intValue).sum();
  }

  private static String decimals(Double value) {
    return value == null ? ABSENT : decimals(value, 3);
  }

  private static String decimals(double value, int places) {
    return String.format(Locale.ROOT, "%." + places + "f", value);
  }
}
