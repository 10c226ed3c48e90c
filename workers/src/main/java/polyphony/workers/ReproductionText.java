package polyphony.workers;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import polyphony.activities.compare.Comparison;

/** A reproduced table or figure as text. */
final class ReproductionText {
  private static final String ABSENT = "–";

  private ReproductionText() {}

  static String of(Reproduction reproduction, Comparison comparison) {
    StringBuilder text = new StringBuilder(reproduction.title()).append("\n\n");
    if (reproduction.series() == null) {
      text.append(ComparisonTable.summary(comparison));
      text.append(ComparisonTable.differences(comparison));
    } else {
      for (Measure measure : reproduction.series()) {
        text.append(series(measure, comparison));
      }
    }
    if (reproduction.note() != null) {
      text.append(reproduction.note()).append('\n');
    }
    return text.toString();
  }

  /** One line per method, one column per iteration, by task and base model. */
  private static String series(Measure measure, Comparison comparison) {
    StringBuilder text = new StringBuilder();
    ComparisonTable.sections(comparison)
        .forEach(
            (section, rows) ->
                text.append(measure.label())
                    .append(" · ")
                    .append(section)
                    .append('\n')
                    .append(AlignedText.of(lines(measure, rows)))
                    .append('\n'));
    return text.toString();
  }

  private static List<List<String>> lines(Measure measure, List<Comparison.Row> rows) {
    int most = rows.stream().mapToInt(row -> row.iterations().size()).max().orElseThrow();
    List<List<String>> lines = new ArrayList<>();
    List<String> header = new ArrayList<>(List.of("iteration", "untuned"));
    for (int i = 1; i < most; i++) {
      header.add(Integer.toString(i));
    }
    lines.add(header);
    for (Comparison.Row row : rows) {
      List<String> line = new ArrayList<>();
      line.add(row.label());
      for (int i = 0; i < most; i++) {
        line.add(i < row.iterations().size() ? cell(measure, row.iterations().get(i)) : "");
      }
      lines.add(line);
    }
    return lines;
  }

  private static String cell(Measure measure, Comparison.Point point) {
    Double value = measure.of(point);
    if (value == null) {
      return ABSENT;
    }
    String text = String.format(Locale.ROOT, "%.3f", value);
    return measure == Measure.ACCURACY
        ? text + String.format(Locale.ROOT, " ± %.3f", point.standardError())
        : text;
  }
}
