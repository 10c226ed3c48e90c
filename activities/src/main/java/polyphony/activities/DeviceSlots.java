package polyphony.activities;

import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * How many steps of this process may compute on its device at a time, sampling and training taken
 * together: two models at once would not fit a card, and would only slow each other down on
 * processors. First come, first served.
 */
public final class DeviceSlots {
  private static final long POLL_MILLISECONDS = 200;

  private final Semaphore free;

  /**
   * @param slots at least 1
   */
  public DeviceSlots(int slots) {
    if (slots < 1) {
      throw new IllegalArgumentException("at least one slot is needed, not " + slots);
    }
    this.free = new Semaphore(slots, true);
  }

  /**
   * Waits for a slot and works while holding it.
   *
   * @return what the work returns; empty where {@code stop} turned true before there was a slot
   * @throws Exception what the work throws
   */
  public <R> Optional<R> compute(BooleanSupplier stop, Callable<Optional<R>> work)
      throws Exception {
    while (!stop.getAsBoolean()) {
      if (free.tryAcquire(POLL_MILLISECONDS, TimeUnit.MILLISECONDS)) {
        try {
          return work.call();
        } finally {
          free.release();
        }
      }
    }
    return Optional.empty();
  }
}
