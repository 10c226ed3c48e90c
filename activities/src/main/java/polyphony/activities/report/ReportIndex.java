package polyphony.activities.report;

import java.util.List;
import java.util.Optional;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.activities.compare.RecordedComparison;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentDescription;
import polyphony.workflows.IterationReport;

/** A page that lists what a store has reports of, each with a link to {@code NAME}. */
public final class ReportIndex {
  private final ObjectStore store;
  private final ExperimentRecords records;

  public ReportIndex(ObjectStore store) {
    this.store = store;
    this.records = new ExperimentRecords(store);
  }

  /** HTML in UTF-8. */
  public byte[] html() {
    Page page = new Page("reports", "Experiments and comparisons");
    page.section("experiments", "Experiments");
    list(page, records.names(), true);
    page.end();
    page.section("comparisons", "Comparisons");
    list(page, RecordedComparison.names(store), false);
    page.end();
    return page.bytes();
  }

  private void list(Page page, List<String> names, boolean experiments) {
    if (names.isEmpty()) {
      page.paragraph("There are none yet.");
      return;
    }
    page.body().open("ul");
    for (String name : names) {
      page.body().open("li").element("a", name, "href", name);
      if (experiments) {
        page.body().text("· " + line(name));
      }
      page.body().close("li");
    }
    page.body().close("ul");
  }

  private String line(String name) {
    try {
      Optional<Experiment> experiment = records.experiment(name);
      List<IterationReport> reports = records.reports(name);
      IterationReport last = reports.isEmpty() ? null : reports.get(reports.size() - 1);
      return experiment.map(each -> ExperimentDescription.summary(each.spec())).orElse("")
          + (last == null
              ? ", nothing finished yet"
              : ", accuracy "
                  + Numerals.decimals(last.accuracy())
                  + " ± "
                  + Numerals.decimals(last.standardError())
                  + " after iteration "
                  + last.iteration());
    } catch (PolyphonyException e) {
      return e.getMessage();
    }
  }
}
