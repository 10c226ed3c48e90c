package polyphony.workers;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import polyphony.workflows.Forecast;

/** Renders a {@link ProgressView} as one line. */
final class ProgressLine {
  private static final int BAR = 12;
  private static final String SEPARATOR = " · ";

  private ProgressLine() {}

  /** One line of at most {@code columns} characters; what matters least goes first. */
  static String of(ProgressView view, int columns) {
    String line = of(view, bar(view.done()), columns);
    if (line.length() > columns) {
      line = of(view, percent(view.done()).strip(), columns);
    }
    return line.length() <= columns ? line : line.substring(0, Math.max(0, columns - 1)) + "…";
  }

  /** Too long where even what must stay does not fit. */
  private static String of(ProgressView view, String start, int columns) {
    List<String> parts = parts(view);
    String line = start + SEPARATOR + String.join(SEPARATOR, parts);
    for (String optional : optionalParts(view)) {
      if (line.length() <= columns) {
        break;
      }
      parts.remove(optional);
      line = start + SEPARATOR + String.join(SEPARATOR, parts);
    }
    return line;
  }

  /** The same for a log: no bar, one fact after the other. */
  static String plain(ProgressView view) {
    return percent(view.done()).strip() + SEPARATOR + String.join(SEPARATOR, parts(view));
  }

  private static List<String> parts(ProgressView view) {
    List<String> parts = new ArrayList<>();
    parts.add(
        view.iteration() == 0
            ? "untuned"
            : "iteration " + view.iteration() + "/" + view.iterations());
    parts.add(phase(view));
    parts.add(view.who());
    parts.add(view.count());
    if (view.tokensPerSecond() >= 1) {
      parts.add(speed(view.tokensPerSecond()));
    }
    parts.add(elapsed(view));
    view.left().ifPresent(left -> parts.add(clock(left) + " left"));
    parts.removeIf(String::isEmpty);
    return parts;
  }

  /** What can be done without, first what is missed least; phase and time left stay. */
  private static List<String> optionalParts(ProgressView view) {
    return List.of(elapsed(view), view.who(), speed(view.tokensPerSecond()), view.count());
  }

  private static String elapsed(ProgressView view) {
    return clock(view.elapsed());
  }

  private static String phase(ProgressView view) {
    return view.units() == 0
        ? view.phase()
        : view.phase() + " " + view.unitsDone() + "/" + view.units();
  }

  /** Such as {@code 26k tok/s}. */
  static String speed(double tokensPerSecond) {
    return tokensPerSecond >= 10_000
        ? Math.round(tokensPerSecond / 1000) + "k tok/s"
        : tokensPerSecond >= 1000
            ? String.format(Locale.ROOT, "%.1fk tok/s", tokensPerSecond / 1000)
            : Math.round(tokensPerSecond) + " tok/s";
  }

  /** As {@link Forecast#clock}. */
  static String clock(Duration duration) {
    return Forecast.clock(duration);
  }

  private static String bar(double done) {
    int full = (int) Math.floor(Math.min(1, Math.max(0, done)) * BAR);
    return "█".repeat(full) + "░".repeat(BAR - full) + " " + percent(done);
  }

  private static String percent(double done) {
    return String.format(Locale.ROOT, "%3d %%", (int) Math.floor(100 * Math.min(1, done)));
  }
}
