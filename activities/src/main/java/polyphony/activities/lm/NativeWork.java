package polyphony.activities.lm;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Native code in progress, and how a process that runs it ends.
 *
 * <p>ONNX Runtime releases its environment in a shutdown hook, and libtorch cleans up in handlers
 * of the C library's exit. Both pull the ground from under native code that another thread still
 * runs: the process crashes instead of ending. Hooks have no order, so that none can wait for the
 * work before ONNX Runtime's runs. Hence native code runs {@link #guarded} here, and a process ends
 * by {@link #exit}.
 */
public final class NativeWork {
  private static final Logger LOG = LoggerFactory.getLogger(NativeWork.class);
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(20);

  /** Read: native work. Write: the end of the process; never released. */
  private static final ReentrantReadWriteLock EXIT = new ReentrantReadWriteLock();

  /** Guarded by itself. */
  private static final Set<Runnable> INTERRUPTIONS = new HashSet<>();

  private static volatile boolean ending;

  private NativeWork() {}

  /** Work that may fail in a way of its own. */
  @FunctionalInterface
  public interface Work<T, E extends Exception> {
    T run() throws E;
  }

  /**
   * Runs native code, unless the process is about to end: then this never returns. The end waits
   * for what is running; keep it short.
   */
  public static <T, E extends Exception> T guarded(Work<T, E> work) throws E {
    enter();
    try {
      return work.run();
    } finally {
      EXIT.readLock().unlock();
    }
  }

  /**
   * {@link #guarded}, for work that can be cut short. It must not be nested in other guarded work.
   *
   * @param interruption makes the work end soon, however it ends: where the process is about to
   *     end, this never returns
   */
  public static <T, E extends Exception> T interruptible(Runnable interruption, Work<T, E> work)
      throws E {
    enter();
    try {
      synchronized (INTERRUPTIONS) {
        if (ending) {
          interruption.run();
        }
        INTERRUPTIONS.add(interruption);
      }
      return work.run();
    } finally {
      synchronized (INTERRUPTIONS) {
        INTERRUPTIONS.remove(interruption);
      }
      EXIT.readLock().unlock();
      if (ending) {
        // What was cut short is neither a result nor a failure.
        awaitTheEnd();
      }
    }
  }

  private static void enter() {
    // Work inside other work must go on, since the end waits for that.
    if (ending && EXIT.getReadHoldCount() == 0) {
      awaitTheEnd();
    }
    EXIT.readLock().lock();
  }

  private static void awaitTheEnd() {
    while (true) {
      LockSupport.park();
    }
  }

  /** Ends the process as {@link System#exit} does, after the native code in progress. */
  public static void exit(int status) {
    if (!quiet()) {
      // No hooks, which would crash it.
      Runtime.getRuntime().halt(status);
    }
    System.exit(status);
  }

  /**
   * Waits for native code in progress, cutting it short where that can be done, and lets no other
   * begin, ever.
   *
   * @return whether all of it has ended
   */
  public static boolean quiet() {
    synchronized (INTERRUPTIONS) {
      ending = true;
      INTERRUPTIONS.forEach(Runnable::run);
    }
    return waited();
  }

  private static synchronized boolean waited() {
    if (EXIT.isWriteLocked()) {
      return true;
    }
    try {
      if (EXIT.writeLock().tryLock(LONGEST_WAIT.toSeconds(), TimeUnit.SECONDS)) {
        return true;
      }
      LOG.warn("native work did not end in {} s; ending anyway", LONGEST_WAIT.toSeconds());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return false;
  }
}
