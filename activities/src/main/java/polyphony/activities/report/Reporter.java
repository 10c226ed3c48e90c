package polyphony.activities.report;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.KeptReport;

/** Keeps reports while experiments run, one at a time. */
public final class Reporter {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final ReportStep step;
  private final Optional<String> address;
  private final Duration patience;

  /** An attempt whose time is over goes on for a while beside the next one. */
  private final Semaphore turn = new Semaphore(1);

  /**
   * @param address below which the reports can be looked at, without a slash at its end
   */
  public Reporter(ReportStep step, Optional<String> address) {
    this(step, address, PATIENCE);
  }

  /** The same, where another report is waited for as long as {@code patience}. */
  Reporter(ReportStep step, Optional<String> address, Duration patience) {
    this.step = step;
    this.address = address;
    this.patience = patience;
  }

  /**
   * Keeps the report of an experiment or a comparison.
   *
   * @throws PolyphonyException as {@link ReportStep#run}; INFRASTRUCTURE where another report takes
   *     too long
   */
  public KeptReport keep(String name) throws InterruptedException {
    if (!turn.tryAcquire(patience.toMillis(), TimeUnit.MILLISECONDS)) {
      throw PolyphonyException.infrastructure(
          "another report is still being written: this one is tried again", null);
    }
    try {
      ReportStep.Written written = step.run(List.of(name));
      return new KeptReport(
          written.page(), written.key(), address.map(each -> each + "/" + name).orElse(null));
    } finally {
      turn.release();
    }
  }
}
