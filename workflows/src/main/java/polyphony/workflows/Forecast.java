package polyphony.workflows;

import java.time.Duration;
import java.util.Locale;

/**
 * What an experiment will take from now on, by rates that were measured before.
 *
 * @param steps to be computed
 * @param reusedSteps that are there already
 * @param seconds wall time
 * @param deviceSeconds time on devices, over all of them
 * @param storedBytes that will be written to the store
 * @param memoryBytes that a process with all its slots at work needs at most
 * @param slots steps that are computed at the same time
 */
public record Forecast(
    int steps,
    int reusedSteps,
    double seconds,
    double deviceSeconds,
    long storedBytes,
    long memoryBytes,
    int slots) {
  private static final double SECONDS_OF_HOUR = 3600;

  /**
   * A forecast and what came of it.
   *
   * @param seconds wall time from when it was made until the end
   */
  public record Outcome(Forecast forecast, double seconds) {
    /** Such as {@code forecast 3:35, took 3:29}. */
    public String text() {
      return "forecast " + clock(forecast.seconds()) + ", took " + clock(seconds);
    }
  }

  /** Such as {@code about 3:35 · 0.11 device-hours · 85 MB to store · 1.4 GB of memory}. */
  public String text() {
    return "about "
        + clock(seconds)
        + " on "
        + slots
        + (slots == 1 ? " slot · " : " slots · ")
        + String.format(Locale.ROOT, "%.2f device-hours · ", deviceSeconds / SECONDS_OF_HOUR)
        + size(storedBytes)
        + " to store · "
        + size(memoryBytes)
        + " of memory · "
        + steps
        + (steps == 1 ? " step" : " steps")
        + " to compute, "
        + reusedSteps
        + " there already";
  }

  /** Such as {@code 850 kB}, {@code 85 MB}, {@code 1.4 GB}. */
  public static String size(long bytes) {
    if (bytes < 1_000_000) {
      return Math.round(bytes / 1e3) + " kB";
    }
    return bytes < 1_000_000_000
        ? Math.round(bytes / 1e6) + " MB"
        : String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
  }

  private static String clock(double seconds) {
    return clock(Duration.ofMillis(Math.round(seconds * 1000)));
  }

  /** Such as {@code 0:07}, {@code 12:30}, {@code 3:02:01}. */
  public static String clock(Duration duration) {
    long seconds = Math.max(0, duration.toSeconds());
    return seconds < 3600
        ? String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60)
        : String.format(
            Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }
}
