package polyphony.workers.devicecheck;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import polyphony.workers.ProcessMemory;

/** The most memory that a part took of its device. */
interface PeakMemory extends AutoCloseable {
  /** In bytes, so far; null where nobody tells. */
  Long bytes();

  @Override
  void close();

  /** This process's memory, whose peak the system knows. */
  static PeakMemory ofProcess() {
    return new PeakMemory() {
      @Override
      public Long bytes() {
        return ProcessMemory.peakBytes();
      }

      @Override
      public void close() {}
    };
  }

  /**
   * A GPU's memory, which is looked at again and again: a short peak may be missed. What others take
   * meanwhile counts, too.
   *
   * @param before bytes that were free before this process took any
   * @param free bytes that are free now
   */
  static PeakMemory ofGpu(long before, LongSupplier free) {
    AtomicLong least = new AtomicLong(before);
    ScheduledExecutorService looks =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread thread = new Thread(work, "peak-memory");
              thread.setDaemon(true);
              return thread;
            });
    Runnable look = () -> least.accumulateAndGet(free.getAsLong(), Math::min);
    long interval = Duration.ofMillis(100).toMillis();
    looks.scheduleWithFixedDelay(look, 0, interval, TimeUnit.MILLISECONDS);
    return new PeakMemory() {
      @Override
      public Long bytes() {
        look.run();
        return before - least.get();
      }

      @Override
      public void close() {
        looks.shutdownNow();
      }
    };
  }
}
