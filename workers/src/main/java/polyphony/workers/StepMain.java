package polyphony.workers;

import java.nio.file.Path;
import polyphony.activities.lm.NativeWork;
import polyphony.storage.TemporaryFolder;
import polyphony.workers.isolation.ChildSession;

/** The process of one step, started by a worker whose steps are isolated. */
public final class StepMain {
  private StepMain() {}

  /**
   * @param arguments the socket at which the worker listens, the store's folder, what to compute
   *     on, and how many of its kind there may be at a time
   */
  public static void main(String[] arguments) {
    serve(Instruments.NONE, arguments);
  }

  /** The same, watched. */
  public static void serve(Instruments instruments, String... arguments) {
    // Ctrl-C reaches the whole group of processes; the worker says what is to become of the step.
    Signals.take(status -> {});
    Path socket = Path.of(arguments[0]);
    NativeWork.exit(
        ChildSession.serve(
            socket,
            worker ->
                Assembly.inChild(
                    Settings.of(Console.ofProcess())
                        .withDevice(arguments[2])
                        .withSlots(Integer.parseInt(arguments[3])),
                    Path.of(arguments[1]),
                    worker,
                    instruments),
            () -> abandon(socket.getParent())));
  }

  /** The worker would have deleted the folder, but it is gone. */
  private static void abandon(Path temporary) {
    try {
      TemporaryFolder.delete(temporary);
    } finally {
      Signals.killThisProcess();
    }
  }
}
