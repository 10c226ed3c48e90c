package polyphony.activities.lm.onnx;

import ai.onnxruntime.OrtEnvironment;
import java.util.concurrent.CompletableFuture;

/** ONNX Runtime's environment, one for the process. */
public final class OnnxEnvironment {
  /** Address space, of which only what is touched costs memory. */
  private static final long STACK_BYTES = 64L << 20;

  private static final OrtEnvironment ENVIRONMENT = create();

  private OnnxEnvironment() {}

  /**
   * The runtime matches the process's command line against a regular expression, which recurses
   * with every character: with a class path of some 4000 bytes that overruns the usual stack of 1
   * MB and ends the process without a word. Hence a thread with a larger one.
   */
  private static OrtEnvironment create() {
    Creation creation = new Creation(new CompletableFuture<>());
    Thread thread = new Thread(null, creation, "onnx-environment", STACK_BYTES);
    thread.setDaemon(true);
    thread.start();
    return creation.created().join();
  }

  /** A class of its own: a lambda here would wait for the initialisation that waits for it. */
  private record Creation(CompletableFuture<OrtEnvironment> created) implements Runnable {
    @Override
    public void run() {
      try {
        created.complete(OrtEnvironment.getEnvironment());
      } catch (Throwable e) {
        created.completeExceptionally(e);
      }
    }
  }

  static OrtEnvironment environment() {
    return ENVIRONMENT;
  }

  /** ONNX Runtime's version. */
  public static String version() {
    return ENVIRONMENT.getVersion();
  }
}
