package polyphony.workers.devicecheck;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import polyphony.workers.ProcessMemory;

/** The most memory that a part took of its device. */
interface PeakMemory extends AutoCloseable {
  Duration INTERVAL = Duration.ofMillis(100);

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
   * A GPU's memory, which is looked at again and again: a short peak may be missed. What others
   * take meanwhile counts, too.
   *
   * @param before bytes that were free before this process took any
   * @param free bytes that are free now
   */
  static PeakMemory ofGpu(long before, LongSupplier free) {
    AtomicLong least = new AtomicLong(before);
    Runnable look = () -> least.accumulateAndGet(free.getAsLong(), Math::min);
    Thread looks = new Thread(() -> again(look), "peak-memory");
    looks.setDaemon(true);
    looks.start();
    return new PeakMemory() {
      @Override
      public Long bytes() {
        look.run();
        return before - least.get();
      }

      @Override
      public void close() {
        looks.interrupt();
      }
    };
  }

  private static void again(Runnable look) {
    try {
      while (true) {
        look.run();
        Thread.sleep(INTERVAL.toMillis());
      }
    } catch (InterruptedException e) {
      // Nobody wants to know any more.
      Thread.currentThread().interrupt();
    }
  }
}
