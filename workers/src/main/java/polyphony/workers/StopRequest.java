package polyphony.workers;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;

/**
 * SIGTERM and Ctrl-C, as a process takes them that has work to hand over: the first one asks it to
 * stop, the second one ends it at once.
 */
final class StopRequest implements AutoCloseable {
  private final AtomicBoolean asked = new AtomicBoolean();
  private final CountDownLatch stopping = new CountDownLatch(1);
  private final Signals signals;

  private StopRequest(IntConsumer first) {
    signals =
        Signals.take(
            status -> {
              if (asked.getAndSet(true)) {
                Signals.killThisProcess();
              }
              stopping.countDown();
              first.accept(status);
            });
  }

  /** Listens for signals until it is closed. */
  static StopRequest onSignals() {
    return new StopRequest(status -> {});
  }

  /**
   * Listens for signals until it is closed.
   *
   * @param first what the first one leads to, on a thread of its own; given the exit status that a
   *     shell reports for a process that the signal ended
   */
  static StopRequest onSignals(IntConsumer first) {
    return new StopRequest(first);
  }

  /**
   * Waits, but not longer than until the process is asked to stop.
   *
   * @return whether it is to go on
   */
  boolean pause(Duration duration) throws InterruptedException {
    return !stopping.await(duration.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Whether the process was asked to stop. */
  boolean asked() {
    return asked.get();
  }

  /** Waits until the process is asked to stop. */
  void await() throws InterruptedException {
    stopping.await();
  }

  @Override
  public void close() {
    signals.close();
  }
}
