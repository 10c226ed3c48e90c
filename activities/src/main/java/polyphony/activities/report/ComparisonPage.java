package polyphony.activities.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import polyphony.activities.compare.Comparison;
import polyphony.activities.compare.Comparison.Point;
import polyphony.activities.compare.Comparison.Row;
import polyphony.activities.report.ComparisonReport.Member;
import polyphony.activities.report.Html.Cell;
import polyphony.activities.resolve.BuiltInModel;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.SpecDefaults;

/** The report of a comparison as a page. */
final class ComparisonPage {
  private final ComparisonReport report;
  private final Comparison comparison;
  private final Page page;
  private final Html body;

  private ComparisonPage(ComparisonReport report) {
    this.report = report;
    this.comparison = report.comparison();
    this.page = new Page("comparison", report.name());
    this.body = page.body();
  }

  static byte[] of(ComparisonReport report) {
    ComparisonPage page = new ComparisonPage(report);
    page.headline();
    page.differences();
    page.curves();
    page.cost();
    page.members();
    return page.page.bytes();
  }

  /** Rows that can be held against each other, by task and base model in words. */
  private Map<String, List<Row>> sections() {
    return comparison.rows().stream()
        .collect(
            Collectors.groupingBy(
                row -> row.task() + ", base model " + row.baseModel(),
                LinkedHashMap::new,
                Collectors.toList()));
  }

  // ---- what it came to

  private void headline() {
    page.section("summary", "What it came to");
    body.element(
        "p",
        Numerals.counted(comparison.rows().size(), "row", "rows")
            + ", "
            + Numerals.counted(
                comparison.rows().stream().mapToInt(row -> row.seeds().size()).sum(),
                "experiment",
                "experiments")
            + ". Experiments that differ in their seed alone are one row.",
        "class",
        "lead");
    page.notes(report.notes());
    sections()
        .forEach(
            (section, rows) -> {
              body.element("h3", section);
              body.element("p", leader(rows));
              page.figure(
                  "Accuracy after the last iteration of each row, with 95 % intervals (1.96"
                      + " standard errors) over the questions of all its seeds. Intervals that"
                      + " overlap do not mean that two rows are equal: the same questions were"
                      + " answered, so the paired differences below decide.",
                  List.of(accuracies(rows)));
              page.table(
                  "Last iterations. A rank such as 2-4 names the places that the paired"
                      + " differences leave open.",
                  List.of(
                      "method",
                      "rank",
                      "iteration",
                      "accuracy ± s.e.",
                      "by seed",
                      "seeds",
                      "questions"),
                  rows.stream().map(row -> last(row, rows.size())).toList());
            });
    page.paragraph(
        "Not to be concluded: that a row without a rank of its own is equal to its neighbours, or"
            + " that the order holds for other models and tasks."
            + (comparison.rows().stream()
                    .anyMatch(row -> row.baseModel().equals(SpecDefaults.BASE_MODEL))
                ? " " + BuiltInModel.DEMONSTRATION
                : ""));
    page.end();
  }

  private static String leader(List<Row> rows) {
    List<String> first =
        rows.stream().filter(row -> row.rank().best() == 1).map(Row::label).toList();
    if (rows.size() == 1) {
      return "There is nothing to rank " + rows.get(0).label() + " against.";
    }
    return first.size() == 1
        ? first.get(0) + " has the first rank: the intervals put it before every other row."
        : "The intervals leave open which is first: " + String.join(", ", first) + ".";
  }

  private static Chart accuracies(List<Row> rows) {
    return new Chart(
        "intervals",
        "Accuracy after the last iteration",
        "accuracy",
        null,
        false,
        List.of(
            new Chart.Series(
                "",
                1,
                false,
                rows.stream()
                    .map(
                        row ->
                            Chart.Point.row(
                                row.label(),
                                row.last().accuracy(),
                                row.last().accuracy()
                                    - ExperimentReader.QUANTILE * row.last().standardError(),
                                row.last().accuracy()
                                    + ExperimentReader.QUANTILE * row.last().standardError()))
                    .toList())));
  }

  private static List<Cell> last(Row row, int rows) {
    return List.of(
        Cell.text(row.label()),
        Cell.number(rows == 1 ? Numerals.ABSENT : row.rank().toString()),
        Cell.number(ExperimentPage.iteration(row.last().iteration())),
        Cell.number(Numerals.withError(row.last().accuracy(), row.last().standardError())),
        Cell.number(
            row.last().bySeed().stream().map(Numerals::decimals).collect(Collectors.joining(", "))),
        Cell.number(row.seeds().stream().map(String::valueOf).collect(Collectors.joining(", "))),
        Cell.number(Numerals.count(row.questions())));
  }

  // ---- differences

  private void differences() {
    if (comparison.differences().isEmpty()) {
      return;
    }
    page.section("differences", "Differences, paired by question");
    page.figure(
        "How much more often the first named is right, on the same questions, with 95 % intervals"
            + " of a paired bootstrap over seeds and questions. Where an interval crosses 0, these"
            + " data do not tell which is better.",
        List.of(
            new Chart(
                "intervals",
                "Difference of accuracies",
                "difference",
                null,
                false,
                List.of(
                    new Chart.Series(
                        "",
                        1,
                        false,
                        comparison.differences().stream()
                            .map(
                                each ->
                                    Chart.Point.row(
                                        named(each),
                                        each.paired().difference(),
                                        each.paired().low(),
                                        each.paired().high()))
                            .toList())))));
    page.table(
        "The same in numbers. ± is one standard error of the mean over questions.",
        List.of("", "difference", "95 % interval", "by seed", "questions", "verdict"),
        comparison.differences().stream()
            .map(
                each ->
                    List.of(
                        Cell.text(named(each)),
                        Cell.number(
                            Numerals.signed(each.paired().difference())
                                + " ± "
                                + Numerals.decimals(each.paired().standardError())),
                        Cell.number(
                            Numerals.signed(each.paired().low())
                                + " to "
                                + Numerals.signed(each.paired().high())),
                        Cell.number(
                            each.paired().bySeed().stream()
                                .map(Numerals::signed)
                                .collect(Collectors.joining(", "))),
                        Cell.number(Numerals.count(each.paired().questions())),
                        Cell.text(
                            each.paired().undecided()
                                ? "undecided"
                                : each.paired().difference() > 0 ? "higher" : "lower")))
            .toList());
    page.end();
  }

  private static String named(Comparison.Difference difference) {
    return named(difference.label(), difference.iteration())
        + " against "
        + named(difference.than(), difference.thanIteration());
  }

  private static String named(String label, int iteration) {
    return label + (iteration == 0 ? ", untuned" : ", iteration " + iteration);
  }

  // ---- curves

  private void curves() {
    page.section("iterations", "Iterations");
    sections()
        .forEach(
            (section, rows) -> {
              body.element("h3", section);
              List<Chart> charts = new ArrayList<>();
              curve(charts, rows, "Accuracy", "share right", Point::accuracy, true);
              curve(
                  charts,
                  rows,
                  "One first answer",
                  "share right",
                  Point::firstRoundAccuracy,
                  false);
              curve(
                  charts,
                  rows,
                  "Diversity of answers",
                  "1 − consensus",
                  point -> point.likelihood() == null ? null : 1 - point.consensus(),
                  false);
              curve(
                  charts,
                  rows,
                  "Negative log-likelihood",
                  "nats per token",
                  Point::likelihood,
                  false);
              curve(
                  charts,
                  rows,
                  "Embedding dissimilarity",
                  "1 − cosine",
                  Point::embeddingDissimilarity,
                  false);
              curve(
                  charts,
                  rows,
                  "KL between agents",
                  "nats per token",
                  Point::klBetweenAgents,
                  false);
              curve(charts, rows, "KL to the base model", "nats per token", Point::klToBase, false);
              page.figure(
                  "Means over seeds after each iteration; 0 is the untuned society. The band of the"
                      + " accuracy is its 95 % interval over questions; the comparison keeps none"
                      + " of the other measures, so their small differences mean nothing. A method"
                      + " that trains nothing is a dotted level; one agent alone has no diversity.",
                  charts);
            });
    for (Row row : comparison.rows()) {
      page.table(
          row.label()
              + " on "
              + row.task()
              + ", "
              + row.baseModel()
              + ": means over "
              + Numerals.counted(row.seeds().size(), "seed", "seeds")
              + ".",
          List.of(
              "iteration",
              "accuracy ± s.e.",
              "one answer",
              "consensus",
              "likelihood",
              "embedding dissim.",
              "KL agents",
              "KL base",
              "right labels",
              "G examples",
              "C examples",
              "share of C−"),
          row.iterations().stream().map(ComparisonPage::cells).toList());
    }
    page.end();
  }

  private static void curve(
      List<Chart> charts,
      List<Row> rows,
      String title,
      String y,
      Function<Point, Double> measure,
      boolean banded) {
    List<Chart.Series> series = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      List<Chart.Point> points = new ArrayList<>();
      for (Point point : rows.get(i).iterations()) {
        Double value = measure.apply(point);
        if (value != null) {
          points.add(
              Chart.Point.of(
                  null, point.iteration(), null, value, banded ? point.standardError() : null));
        }
      }
      if (!points.isEmpty()) {
        series.add(new Chart.Series(rows.get(i).label(), i + 1, Chart.repeats(i + 1), points));
      }
    }
    if (!series.isEmpty()) {
      charts.add(new Chart("lines", title, "iteration", y, true, series));
    }
  }

  private static List<Cell> cells(Point point) {
    return List.of(
        Cell.text(ExperimentPage.iteration(point.iteration())),
        Cell.number(Numerals.withError(point.accuracy(), point.standardError())),
        Cell.number(Numerals.decimals(point.firstRoundAccuracy())),
        Cell.number(Numerals.decimals(point.consensus())),
        Cell.number(Numerals.decimals(point.likelihood())),
        Cell.number(Numerals.decimals(point.embeddingDissimilarity())),
        Cell.number(Numerals.decimals(point.klBetweenAgents())),
        Cell.number(Numerals.decimals(point.klToBase())),
        Cell.number(Numerals.decimals(point.labelPrecision())),
        count(point.generatorExamples()),
        count(point.criticExamples()),
        Cell.number(Numerals.decimals(point.correctedShare())));
  }

  private static Cell count(Double value) {
    return Cell.number(value == null ? Numerals.ABSENT : Numerals.count(value));
  }

  // ---- cost

  private void cost() {
    page.section("cost", "Cost");
    page.table(
        "What each row cost up to its last iteration, mean over seeds. Steps that were shared with"
            + " other experiments count in full; what was only measured is left out.",
        List.of(
            "method",
            "task",
            "sampled to finetune",
            "trained tokens",
            "tokens per answer",
            "device time"),
        comparison.rows().stream()
            .map(
                row -> {
                  ComparisonResult.Budget budget = row.last().budget();
                  return List.of(
                      Cell.text(row.label()),
                      Cell.text(row.task()),
                      count(budget == null ? null : budget.sampledTokens()),
                      count(budget == null ? null : budget.trainedTokens()),
                      count(budget == null ? null : budget.answerTokens()),
                      Cell.number(
                          budget == null
                              ? Numerals.ABSENT
                              : Numerals.seconds(budget.deviceSeconds())));
                })
            .toList());
    page.end();
  }

  // ---- experiments

  private void members() {
    if (report.members().isEmpty()) {
      return;
    }
    page.section("experiments", "Experiments");
    page.paragraph(
        "Each has a report of its own (polyphony report NAME) with its debates and its lineage, and"
            + " can be checked by polyphony audit NAME.");
    List<List<Cell>> rows = new ArrayList<>();
    for (Member each : report.members()) {
      rows.add(
          List.of(
              Cell.text(each.name()),
              Cell.text(each.experiment() == null ? "?" : each.experiment().spec().method()),
              Cell.number(
                  each.experiment() == null
                      ? Numerals.ABSENT
                      : each.experiment().spec().seed().toString()),
              Cell.number(ExperimentPage.iteration(each.iteration())),
              Cell.number(
                  each.report() == null
                      ? Numerals.ABSENT
                      : Numerals.withError(
                          each.report().accuracy(), each.report().standardError())),
              Cell.hash(each.report() == null ? null : each.report().record().sha256())));
    }
    page.table(
        "The experiments behind the rows, and the record of the iteration that was compared.",
        List.of("experiment", "method", "seed", "iteration", "accuracy ± s.e.", "record's SHA-256"),
        rows);
    for (Member each : report.members()) {
      body.open("details").element("summary", "Spec and weights of " + each.name());
      if (each.experiment() != null) {
        body.element("pre", ExperimentPage.json(each.experiment().spec()));
      }
      if (each.report() != null) {
        page.table(
            "Weights that were evaluated.",
            List.of("model", "SHA-256"),
            new TreeMap<>(each.report().weights())
                .entrySet().stream()
                    .map(model -> List.of(Cell.text(model.getKey()), Cell.hash(model.getValue())))
                    .toList());
      }
      body.close("details");
    }
    page.end();
  }
}
