package polyphony.activities.report;

import java.util.List;
import polyphony.activities.compare.Comparison;
import polyphony.workflows.Experiment;
import polyphony.workflows.IterationReport;

/**
 * All that the report of a comparison shows.
 *
 * @param members experiments behind the rows; empty where an earlier version did not record them
 * @param notes what is missing from this report, and why
 */
public record ComparisonReport(
    String name, Comparison comparison, List<Member> members, List<String> notes) {
  public ComparisonReport {
    members = List.copyOf(members);
    notes = List.copyOf(notes);
  }

  /**
   * @param iteration the last that is compared
   * @param experiment null where its record cannot be read
   * @param report of that iteration; null likewise
   */
  public record Member(String name, int iteration, Experiment experiment, IterationReport report) {}
}
