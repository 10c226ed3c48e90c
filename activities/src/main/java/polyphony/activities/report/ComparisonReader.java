package polyphony.activities.report;

import java.util.List;
import java.util.Optional;
import polyphony.activities.compare.Comparison;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.activities.compare.RecordedComparison;
import polyphony.activities.compare.RecordedExperiment;
import polyphony.storage.Artifacts;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.IterationReport;

/** Reads what a store has of a comparison, or compares experiments that it has. */
final class ComparisonReader {
  private final ObjectStore store;
  private final Artifacts artifacts;
  private final ExperimentRecords records;

  ComparisonReader(ObjectStore store, Artifacts artifacts) {
    this.store = store;
    this.artifacts = artifacts;
    this.records = new ExperimentRecords(store);
  }

  /**
   * One that was run.
   *
   * @return empty where the store has none of this name
   * @throws PolyphonyException DATA where it is damaged: there is nothing else to show
   */
  Optional<ComparisonReport> read(String name) {
    return RecordedComparison.read(store, name)
        .map(each -> report(name, each.comparison(), each.experiments()));
  }

  /**
   * Finished experiments side by side.
   *
   * @throws PolyphonyException as {@link Comparison#of(List)} and {@link RecordedExperiment#read}
   */
  ComparisonReport of(String name, List<String> experiments) {
    List<RecordedExperiment> recorded =
        experiments.stream().map(each -> RecordedExperiment.read(store, artifacts, each)).toList();
    return report(
        name,
        Comparison.of(recorded),
        recorded.stream()
            .map(
                each ->
                    new ComparisonResult.Compared(
                        each.experiment().name(), each.iterations().size() - 1))
            .toList());
  }

  private ComparisonReport report(
      String name, Comparison comparison, List<ComparisonResult.Compared> compared) {
    Notes notes = new Notes();
    if (compared.isEmpty()) {
      notes.add(
          "the experiments behind the rows are not recorded: an earlier version compared them; to"
              + " compare again costs nothing, their steps are there");
    }
    List<ComparisonReport.Member> members =
        compared.stream().map(each -> member(each, notes)).toList();
    return new ComparisonReport(name, comparison, members, notes.all());
  }

  private ComparisonReport.Member member(ComparisonResult.Compared compared, Notes notes) {
    String name = compared.experiment();
    // It was compared as far as it had come, which may be less than what was asked for.
    int last = compared.iterations();
    Optional<IterationReport> report = report(name, last, notes);
    while (report.isEmpty() && last > 0) {
      last--;
      report = report(name, last, notes);
    }
    if (report.isEmpty()) {
      notes.add("experiment " + name + " is not in the store any more");
    }
    return new ComparisonReport.Member(
        name,
        last,
        notes.reading(name, () -> records.experiment(name)).flatMap(each -> each).orElse(null),
        report.orElse(null));
  }

  private Optional<IterationReport> report(String name, int iteration, Notes notes) {
    return notes
        .reading("iteration " + iteration + " of " + name, () -> records.report(name, iteration))
        .flatMap(each -> each);
  }
}
