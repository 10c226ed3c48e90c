package polyphony.workers;

import java.util.ArrayList;
import java.util.List;
import polyphony.activities.audit.AuditReport;

/** What an audit came to, for people; ends with a line break. */
final class AuditText {
  private AuditText() {}

  static String of(AuditReport report) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("audit of " + report.experiment(), "checked", "bytes", "problems"));
    for (AuditReport.Checked each : report.checked()) {
      rows.add(
          List.of(
              each.what(),
              Long.toString(each.count()),
              each.bytes() == 0 ? "–" : Bytes.shown(each.bytes()),
              Long.toString(each.problems())));
    }
    StringBuilder text = new StringBuilder(AlignedText.of(rows));
    text.append("histories from ").append(report.histories()).append('\n');
    report.notes().forEach(note -> text.append("note: ").append(note).append('\n'));
    for (AuditReport.Problem problem : report.problems()) {
      text.append('\n').append(problem.subject()).append('\n');
      text.append("  ").append(problem.wrong()).append('\n');
      text.append("  do: ").append(problem.remedy()).append('\n');
    }
    int count = report.problems().size();
    return text.append(count == 0 ? "" : "\n")
        .append(
            count == 0
                ? "clean: all is as recorded"
                : count == 1 ? "1 problem" : count + " problems")
        .append('\n')
        .toString();
  }
}
