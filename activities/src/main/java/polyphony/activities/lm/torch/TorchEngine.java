package polyphony.activities.lm.torch;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.NativeEnvironment;
import polyphony.activities.lm.NativeWork;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** libtorch in this process: started once, with the settings that shared cores need. */
public final class TorchEngine {
  private static final Logger LOG = LoggerFactory.getLogger(TorchEngine.class);

  /**
   * Set where the user has not: no network, no tracking, and one thread inside an operation, since
   * two lanes of one thread each are 1.4 times as fast as one lane of two threads.
   */
  private static final Map<String, String> PROPERTIES =
      Map.of(
          "ai.djl.offline", "true",
          "OPT_OUT_TRACKING", "true",
          "ai.djl.pytorch.num_threads", "1");

  private static final String SCRIPT_FAILURE = "RuntimeError: ";

  /** In lower case; those of the driver come from expandable segments. */
  private static final List<String> GPU_FAILURES =
      List.of("cuda error", "cuda driver error", "cublas_status_", "cudnn_status_");

  private TorchEngine() {}

  private static final class Started {
    static final Engine ENGINE = load();

    private static Engine load() {
      PROPERTIES.forEach(
          (name, value) -> {
            if (System.getProperty(name) == null) {
              System.setProperty(name, value);
            }
          });
      // libgomp reads this when it is loaded; its spinning barriers collapse on shared cores.
      NativeEnvironment.set("OMP_WAIT_POLICY", "passive");
      // CUDA's allocator: without it, batches of other shapes leave holes that none fits in.
      NativeEnvironment.set("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True");
      Engine engine = Engine.getEngine("PyTorch");
      Runtime.getRuntime().addShutdownHook(new Thread(NativeWork::quiet, "torch-exit"));
      return engine;
    }
  }

  /**
   * Loads libtorch. Idempotent and thread-safe; every class of this package calls it.
   *
   * @throws PolyphonyException INFRASTRUCTURE where the native libraries cannot be loaded
   */
  public static void start() {
    engine();
  }

  /** Version of libtorch, such as 2.7.1. */
  public static String version() {
    return engine().getVersion();
  }

  private static Engine engine() {
    try {
      return Started.ENGINE;
    } catch (ExceptionInInitializerError | NoClassDefFoundError e) {
      throw PolyphonyException.infrastructure(
          "libtorch cannot be loaded; is the pytorch-native jar of this platform on the class path"
              + " (a build for GPUs has none: there it is downloaded once, or PYTORCH_LIBRARY_PATH"
              + " names it) and the DJL cache folder writable?",
          e);
    }
  }

  /** A manager of CPU arrays; closing it frees them. */
  static PtNDManager newManager() {
    return newManager(Device.CPU);
  }

  /** A manager of arrays on a device; closing it frees them. */
  static PtNDManager newManager(Device device) {
    return (PtNDManager)
        engine()
            .newBaseManager(
                device instanceof Device.Cuda cuda
                    ? ai.djl.Device.gpu(cuda.index())
                    : ai.djl.Device.cpu());
  }

  /**
   * From now on operations on a GPU give equal bits for equal inputs, or refuse. On the CPU they
   * always do. Has an effect on cuBLAS only before it is first used in this process.
   *
   * @throws PolyphonyException INFRASTRUCTURE where this libtorch has no such switch
   */
  public static void computeDeterministically() {
    // cuBLAS may otherwise share its workspace among streams, and add in another order.
    NativeEnvironment.set("CUBLAS_WORKSPACE_CONFIG", ":4096:8");
    start();
    DeterministicTorch.require();
  }

  /**
   * Prepares the calling thread: libtorch keeps these two settings per thread. The JIT's optimizer
   * is off because it recompiles for every new shape, and its fusions are slower than the plain
   * operations.
   */
  static void prepareThread(boolean gradients) {
    start();
    JniUtils.setGradMode(gradients);
    JniUtils.setGraphExecutorOptimize(false);
  }

  /**
   * Gives memory that was freed back to the system and the device. The C library keeps it
   * otherwise, thousands of arrays of a few megabytes each, where ONNX Runtime and other processes
   * cannot have it.
   */
  static void giveBackMemory(Device device) {
    if (device instanceof Device.Cuda) {
      try {
        // Else libtorch keeps it, and ONNX Runtime in the same process finds a full GPU.
        JniUtils.emptyCudaCache();
      } catch (EngineException e) {
        // The device is lost, which whoever computes next on it learns; this must not hide the
        // cause.
        LOG.warn("{}", failure("memory of " + device + " cannot be given back", e).getMessage());
      }
    }
    if (GLIBC != null) {
      GLIBC.invokeInt(new Object[] {0L});
    }
  }

  /** {@code malloc_trim}; null where the C library is another one. */
  private static final Function GLIBC = mallocTrim();

  private static Function mallocTrim() {
    try {
      return Platform.isLinux() ? NativeLibrary.getInstance("c").getFunction("malloc_trim") : null;
    } catch (UnsatisfiedLinkError e) {
      return null;
    }
  }

  /** What went wrong in native code, with its class: libtorch tells kinds apart by message only. */
  static PolyphonyException failure(String doing, Throwable cause) {
    if (cause instanceof PolyphonyException known) {
      return known;
    }
    String message = String.valueOf(cause.getMessage());
    // A script's failure begins with where it was.
    String firstLine =
        message
            .lines()
            .filter(line -> line.startsWith(SCRIPT_FAILURE))
            .map(line -> line.substring(SCRIPT_FAILURE.length()))
            .findFirst()
            .or(() -> message.lines().findFirst())
            .orElse("");
    String lower = message.toLowerCase(Locale.ROOT);
    boolean memory =
        cause instanceof OutOfMemoryError
            || (cause instanceof EngineException
                && (lower.contains("can't allocate memory")
                    || lower.contains("out of memory")
                    || lower.contains("cublas_status_alloc_failed")));
    if (!memory
        && cause instanceof EngineException
        && GPU_FAILURES.stream().anyMatch(lower::contains)) {
      return PolyphonyException.infrastructure(
          doing
              + ": the GPU or its driver failed; another attempt needs a new process (see nvidia-smi"
              + " and dmesg if it fails again): "
              + firstLine,
          cause);
    }
    return memory
        ? new PolyphonyException(
            ErrorClass.OUT_OF_MEMORY,
            doing + ": does not fit into memory; use smaller micro-batches (" + firstLine + ")",
            cause)
        : new PolyphonyException(ErrorClass.BUG, doing + ": " + firstLine, cause);
  }
}
