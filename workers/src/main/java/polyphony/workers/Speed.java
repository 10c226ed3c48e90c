package polyphony.workers;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;

/** How fast a counter grows, over the last seconds. */
final class Speed {
  private static final Duration WINDOW = Duration.ofSeconds(10);

  private record Sample(Duration at, long count) {}

  private final Deque<Sample> samples = new ArrayDeque<>();

  /** Notes the counter at {@code elapsed} and says how much it grew per second. */
  double perSecond(Duration elapsed, long count) {
    samples.addLast(new Sample(elapsed, count));
    while (samples.size() > 2 && elapsed.minus(samples.getFirst().at()).compareTo(WINDOW) > 0) {
      samples.removeFirst();
    }
    Sample first = samples.getFirst();
    double seconds = elapsed.minus(first.at()).toMillis() / 1000.0;
    return seconds <= 0 ? 0 : (count - first.count()) / seconds;
  }
}
