package polyphony.activities.report;

import java.util.List;
import java.util.Optional;
import polyphony.workflows.KeptReport;

/** Keeps reports while experiments run. */
public final class Reporter {
  private final ReportStep step;
  private final Optional<String> address;

  /**
   * @param address below which the reports can be looked at, without a slash at its end
   */
  public Reporter(ReportStep step, Optional<String> address) {
    this.step = step;
    this.address = address;
  }

  /**
   * Keeps the report of an experiment or a comparison.
   *
   * @throws polyphony.storage.PolyphonyException as {@link ReportStep#run}
   */
  public KeptReport keep(String name) {
    ReportStep.Written written = step.run(List.of(name));
    return new KeptReport(
        written.page(), written.key(), address.map(each -> each + "/" + name).orElse(null));
  }
}
