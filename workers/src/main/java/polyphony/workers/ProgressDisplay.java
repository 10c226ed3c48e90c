package polyphony.workers;

import java.io.PrintStream;
import java.time.Duration;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.Style;

/**
 * Shows a run's progress on standard error: one line updated in place on a terminal, otherwise a
 * plain line where the phase changes, and now and then: every half minute at first, more rarely the
 * longer it takes.
 */
final class ProgressDisplay {
  private static final Duration PLAIN_AT_LEAST = Duration.ofSeconds(30);
  private static final Duration PLAIN_AT_MOST = Duration.ofMinutes(10);

  /** Share of the time that has gone by. */
  private static final int PLAIN_SHARE = 20;

  private static final String CLEAR_TO_END = "\u001b[K";
  private static final String CLEAR_LINE = "\r" + CLEAR_TO_END;

  /** What is too long is cut by the terminal itself: it may have become narrower. */
  private static final String WITHOUT_WRAPPING = "\u001b[?7l";

  private static final String WRAPPING = "\u001b[?7h";

  private final Console console;
  private final PrintStream err;
  private final boolean terminal;
  private final int columns;
  private final Ansi colours;
  private boolean lineOpen;
  private String lastPhase = "";
  private Duration lastShown = Duration.ZERO;

  ProgressDisplay(Console console) {
    this.console = console;
    this.err = console.err();
    this.terminal = console.terminal();
    this.colours = console.errColours();
    // Leaves room for the ^C that a terminal shows: on a line of its own it would split this one.
    this.columns = Math.max(20, Math.min(console.columns() - 3, 110));
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
      String shown = line.length() <= columns ? line : line.substring(0, columns - 1) + "…";
      // Cleared behind it and not before it, so that nothing flickers.
      err.print("\r" + WITHOUT_WRAPPING + shown + CLEAR_TO_END + WRAPPING);
      err.flush();
      lineOpen = true;
    } else if (!phase.equals(lastPhase)
        || elapsed.minus(lastShown).compareTo(plainEvery(elapsed)) >= 0) {
      lastPhase = phase;
      lastShown = elapsed;
      err.println("progress: " + line);
    }
  }

  private static Duration plainEvery(Duration elapsed) {
    Duration share = elapsed.dividedBy(PLAIN_SHARE);
    return share.compareTo(PLAIN_AT_LEAST) < 0
        ? PLAIN_AT_LEAST
        : share.compareTo(PLAIN_AT_MOST) > 0 ? PLAIN_AT_MOST : share;
  }

  /** A line that stays. */
  synchronized void say(String line) {
    if (terminal) {
      // Also where no line is open: the terminal may have put a ^C there.
      err.print(CLEAR_LINE);
      lineOpen = false;
    }
    err.println(line);
  }

  /** One that says that all went well. */
  synchronized void succeeded(String line) {
    say(in(Style.fg_green, line));
  }

  /** One that a person should not miss. */
  synchronized void warn(String line) {
    say(in(Style.fg_yellow, line));
  }

  private String in(Style colour, String line) {
    return colours.enabled() ? colour.on() + line + colour.off() : line;
  }

  /** How long a line may be that is printed to one of the console's streams. */
  int columns(PrintStream stream) {
    boolean narrow = stream == console.out() ? console.outTerminal() : console.terminal();
    return narrow ? console.columns() : Integer.MAX_VALUE;
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
