package polyphony.workers;

import java.io.PrintStream;
import java.time.Duration;

/**
 * Shows a run's progress on standard error: one line updated in place on a terminal, otherwise a
 * plain line where the phase changes and every half minute.
 */
final class ProgressDisplay {
  private static final Duration PLAIN_EVERY = Duration.ofSeconds(30);
  private static final String CLEAR_LINE = "\r\u001b[K";

  private final PrintStream err;
  private final boolean terminal;
  private final int columns;
  private boolean lineOpen;
  private String lastPhase = "";
  private Duration lastShown = Duration.ZERO;

  ProgressDisplay(Console console) {
    this.err = console.err();
    this.terminal = console.terminal();
    this.columns = Math.max(20, Math.min(console.columns() - 1, 110));
  }

  void show(ProgressView view) {
    show(
        terminal ? ProgressLine.of(view, columns) : ProgressLine.plain(view),
        view.iteration() + view.phase(),
        view.elapsed());
  }

  /**
   * Shows a line.
   *
   * @param phase what it is about; without a terminal it is not repeated soon while that stays
   */
  synchronized void show(String line, String phase, Duration elapsed) {
    if (terminal) {
      err.print(
          CLEAR_LINE + (line.length() <= columns ? line : line.substring(0, columns - 1) + "…"));
      err.flush();
      lineOpen = true;
    } else if (!phase.equals(lastPhase) || elapsed.minus(lastShown).compareTo(PLAIN_EVERY) >= 0) {
      lastPhase = phase;
      lastShown = elapsed;
      err.println(line);
    }
  }

  /** A line that stays. */
  synchronized void say(String line) {
    close();
    err.println(line);
  }

  /** Takes the updating line away. */
  synchronized void close() {
    if (lineOpen) {
      err.print(CLEAR_LINE);
      err.flush();
      lineOpen = false;
    }
  }
}
