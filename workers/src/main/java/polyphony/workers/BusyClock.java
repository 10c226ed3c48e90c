package polyphony.workers;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import polyphony.workers.isolation.BusyListener;

/** Knows when at least one sampling, scoring or training was running. Safe for many threads. */
final class BusyClock implements BusyListener {
  private record Interval(long from, long to) {}

  private final LongSupplier nanoTime;
  private final List<Interval> intervals = new ArrayList<>();
  private int running;
  private long since;

  /**
   * @param nanoTime such as {@code System::nanoTime}
   */
  BusyClock(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  @Override
  public synchronized void begin() {
    if (running++ == 0) {
      since = nanoTime.getAsLong();
    }
  }

  @Override
  public synchronized void end() {
    if (--running == 0) {
      intervals.add(new Interval(since, nanoTime.getAsLong()));
    }
  }

  /** Share of {@code [from, to]} (nanoseconds of the same clock) in which nothing was running. */
  synchronized double idleShare(long from, long to) {
    if (to <= from) {
      return 0;
    }
    long busy = 0;
    for (Interval each : intervals) {
      busy += overlap(each, from, to);
    }
    if (running > 0) {
      busy += overlap(new Interval(since, to), from, to);
    }
    return 1.0 - busy / (double) (to - from);
  }

  /** In which something was running, so far. */
  synchronized double seconds() {
    long busy = intervals.stream().mapToLong(each -> each.to - each.from).sum();
    return (running > 0 ? busy + nanoTime.getAsLong() - since : busy) / 1e9;
  }

  private static long overlap(Interval interval, long from, long to) {
    return Math.max(0, Math.min(interval.to, to) - Math.max(interval.from, from));
  }
}
