package polyphony.activities.lm.cuda;

import static polyphony.activities.lm.cuda.CudaRequirements.FLAVOUR;

import ai.djl.util.Platform;
import ai.djl.util.Utils;
import com.sun.jna.NativeLibrary;
import com.sun.jna.ptr.IntByReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Looks at this process and its machine. A library is opened by the loader and given back at once;
 * none of CUDA is started, and nothing is downloaded.
 */
public final class NativeCudaProbe implements CudaProbe {
  private static final String PROVIDER = "libonnxruntime_providers_cuda.so";

  private final Map<String, String> environment;

  /**
   * @param environment of this process
   */
  public NativeCudaProbe(Map<String, String> environment) {
    this.environment = Map.copyOf(environment);
  }

  @Override
  public boolean hasCudaProvider() {
    // Asking the runtime itself would load it, which a worker whose steps are isolated never does.
    String unpacked = System.getProperty("onnxruntime.native.path");
    return unpacked == null
        ? NativeCudaProbe.class.getResource("/ai/onnxruntime/native/linux-x64/" + PROVIDER) != null
        : Files.exists(Path.of(unpacked, PROVIDER));
  }

  @Override
  public boolean hasKernelDriver() {
    return Files.exists(Path.of("/proc/driver/nvidia/version"));
  }

  @Override
  public boolean finds(String name) {
    try {
      NativeLibrary.getInstance(name).close();
      return true;
    } catch (UnsatisfiedLinkError e) {
      return false;
    }
  }

  @Override
  public Optional<Driver> driver() {
    return NvidiaManagement.driver(Optional.ofNullable(environment.get("CUDA_VISIBLE_DEVICES")));
  }

  @Override
  public Optional<String> version(Library library) {
    return switch (library) {
      case RUNTIME ->
          number("libcudart.so.12", "cudaRuntimeGetVersion").map(CudaRequirements::cuda);
      case CUBLAS -> {
        // Major, minor and patch: the only function that needs no GPU.
        Optional<Integer> major = number("libcublas.so.12", "cublasGetProperty", 0);
        Optional<Integer> minor = number("libcublas.so.12", "cublasGetProperty", 1);
        Optional<Integer> patch = number("libcublas.so.12", "cublasGetProperty", 2);
        yield major.isEmpty() || minor.isEmpty() || patch.isEmpty()
            ? Optional.empty()
            : Optional.of(major.get() + "." + minor.get() + "." + patch.get());
      }
    };
  }

  /**
   * What a function of C writes through its last argument; empty where it is not there or fails.
   */
  private static Optional<Integer> number(String library, String function, Object... arguments) {
    try (NativeLibrary opened = NativeLibrary.getInstance(library)) {
      IntByReference number = new IntByReference();
      Object[] all = Arrays.copyOf(arguments, arguments.length + 1);
      all[arguments.length] = number;
      return opened.getFunction(function).invokeInt(all) == 0
          ? Optional.of(number.getValue())
          : Optional.empty();
    } catch (UnsatisfiedLinkError e) {
      return Optional.empty();
    }
  }

  @Override
  public Libtorch libtorch() {
    String folder = Utils.getEnvOrSystemProperty("PYTORCH_LIBRARY_PATH");
    if (folder != null && !folder.isBlank()) {
      return new Libtorch.Installed(
          folder,
          given("PYTORCH_VERSION"),
          given("PYTORCH_FLAVOR"),
          Files.exists(Path.of(folder, "libtorch_cuda.so")));
    }
    if (NativeCudaProbe.class.getResource("/native/lib/pytorch.properties") != null) {
      return new Libtorch.Bundled(Platform.detectPlatform("pytorch").getFlavor());
    }
    String flavour = given("PYTORCH_FLAVOR").isEmpty() ? FLAVOUR : given("PYTORCH_FLAVOR");
    return new Libtorch.Download(
        flavour,
        isDownloaded(Utils.getEngineCacheDir("pytorch"), flavour)
            // Where nobody says anything, libtorch is started offline.
            || "false".equals(System.getProperty("ai.djl.offline")));
  }

  private static String given(String name) {
    return Optional.ofNullable(Utils.getEnvOrSystemProperty(name)).orElse("");
  }

  /**
   * Visible for the tests.
   *
   * @param cache folders such as {@code 2.7.1-cu128-linux-x86_64}, of other versions, too
   */
  static boolean isDownloaded(Path cache, String flavour) {
    return Stream.of("", "-precxx11")
        .map(kind -> CudaRequirements.PYTORCH + "-" + flavour + kind + "-linux-x86_64")
        .anyMatch(folder -> Files.exists(cache.resolve(folder).resolve("libtorch_cuda.so")));
  }
}
