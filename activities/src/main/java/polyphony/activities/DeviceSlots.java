package polyphony.activities;

import java.util.Optional;
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

  /** A slot that is taken until it is closed. */
  public final class Slot implements AutoCloseable {
    private Slot() {}

    @Override
    public void close() {
      free.release();
    }
  }

  /**
   * @param slots at least 1
   */
  public DeviceSlots(int slots) {
    if (slots < 1) {
      throw new IllegalArgumentException("at least one slot is needed, not " + slots);
    }
    this.free = new Semaphore(slots, true);
  }

  /** Waits for a slot; empty where {@code stop} turned true first. */
  public Optional<Slot> acquire(BooleanSupplier stop) throws InterruptedException {
    while (!stop.getAsBoolean()) {
      if (free.tryAcquire(POLL_MILLISECONDS, TimeUnit.MILLISECONDS)) {
        return Optional.of(new Slot());
      }
    }
    return Optional.empty();
  }
}
