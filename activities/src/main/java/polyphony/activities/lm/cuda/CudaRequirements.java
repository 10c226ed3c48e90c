package polyphony.activities.lm.cuda;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.cuda.CudaProbe.Card;
import polyphony.activities.lm.cuda.CudaProbe.Driver;
import polyphony.activities.lm.cuda.CudaProbe.Libtorch;
import polyphony.activities.lm.cuda.Gpu.Capability;
import polyphony.storage.PolyphonyException;

/** Checks all that a GPU needs, each with a line that says what to do where it is missing. */
public final class CudaRequirements {
  /** Needed by ONNX Runtime's CUDA provider, which does not bring them. */
  private static final List<String> LIBRARIES =
      List.of("libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcurand.so.10");

  private static final int OLDEST_CUDA = 12_000;

  /**
   * That is what {@code onnxruntime_gpu} 1.29.0 has machine code for, without what libtorch 2.7.1
   * for CUDA 12.8 has none for (6.0, 7.0); it has none to translate.
   */
  private static final List<Capability> COMPILED =
      List.of(
          new Capability(7, 5),
          new Capability(8, 0),
          new Capability(8, 6),
          new Capability(8, 9),
          new Capability(9, 0),
          new Capability(12, 0));

  /** Of the PyTorch whose JNI library this build has, and what that was compiled for. */
  static final String PYTORCH = "2.7.1";

  public static final String FLAVOUR = "cu128";

  private CudaRequirements() {}

  /**
   * The GPU of {@code device}.
   *
   * @throws PolyphonyException CONFIG where the build, its libraries or the index are not right;
   *     INFRASTRUCTURE where the machine's driver is not
   */
  public static Gpu require(CudaProbe probe, Device.Cuda device) {
    if (!probe.hasCudaProvider()) {
      throw missing(
          device,
          "this build has ONNX Runtime for the CPU alone: start with POLYPHONY_BUILD=gpu"
              + " deploy/polyphony, or build with ./mvnw -Pgpu package");
    }
    Driver driver = driver(probe, device);
    Card card = card(driver, device);
    requireMachineCode(card, device);
    requireLibraries(probe, device);
    Map<String, String> computing = new TreeMap<>();
    computing.put("gpu", "compute capability " + card.capability());
    probe.version(CudaProbe.Library.CUBLAS).ifPresent(each -> computing.put("cublas", each));
    requireLibtorch(probe.libtorch(), device);
    computing.put("libtorch flavour", FLAVOUR);
    Map<String, String> recorded = new TreeMap<>();
    recorded.put("driver", driver.version());
    probe.version(CudaProbe.Library.RUNTIME).ifPresent(each -> recorded.put("cuda", each));
    return new Gpu(
        device.index(), card.name(), card.capability(), card.freeBytes(), computing, recorded);
  }

  private static Driver driver(CudaProbe probe, Device.Cuda device) {
    Optional<Driver> found = probe.finds("libcuda.so.1") ? probe.driver() : Optional.empty();
    if (found.isEmpty()) {
      throw PolyphonyException.infrastructure(
          device
              + " cannot be used: "
              + (probe.hasKernelDriver()
                  ? "the kernel has NVIDIA's driver, but this process does not reach it"
                      + " (libcuda.so.1, libnvidia-ml.so.1): start the container with --gpus all"
                  : "there is no NVIDIA driver (libcuda.so.1): install one for CUDA 12, and see"
                      + " nvidia-smi"),
          null);
    }
    Driver driver = found.get();
    if (driver.cuda() < OLDEST_CUDA) {
      throw PolyphonyException.infrastructure(
          device
              + " cannot be used: the driver "
              + driver.version()
              + " serves CUDA "
              + cuda(driver.cuda())
              + ", and CUDA 12 is needed: install driver 525 or newer",
          null);
    }
    return driver;
  }

  private static Card card(Driver driver, Device.Cuda device) {
    List<Card> gpus = driver.gpus();
    if (gpus.isEmpty()) {
      throw PolyphonyException.infrastructure(
          device
              + " cannot be used: the driver "
              + driver.version()
              + " shows no GPU; see nvidia-smi and CUDA_VISIBLE_DEVICES",
          null);
    }
    if (device.index() >= gpus.size()) {
      throw PolyphonyException.config(
          device
              + " does not exist; there are "
              + IntStream.range(0, gpus.size())
                  .mapToObj(each -> "cuda:" + each + " (" + gpus.get(each).name() + ")")
                  .collect(Collectors.joining(", ")));
    }
    return gpus.get(device.index());
  }

  private static void requireMachineCode(Card card, Device.Cuda device) {
    if (COMPILED.stream().noneMatch(card.capability()::runs)) {
      throw missing(
          device,
          "the "
              + card.name()
              + " has compute capability "
              + card.capability()
              + ", for which ONNX Runtime or libtorch has no machine code; both have it for "
              + COMPILED.stream().map(Capability::toString).collect(Collectors.joining(", ")));
    }
  }

  private static void requireLibraries(CudaProbe probe, Device.Cuda device) {
    List<String> absent = LIBRARIES.stream().filter(each -> !probe.finds(each)).toList();
    if (!absent.isEmpty()) {
      throw missing(
          device,
          "ONNX Runtime needs "
              + String.join(", ", absent)
              + ", which the loader does not find: install CUDA 12's runtime libraries (Debian and"
              + " Ubuntu: cuda-libraries-12-8), or name their folder in LD_LIBRARY_PATH");
    }
  }

  private static void requireLibtorch(Libtorch libtorch, Device.Cuda device) {
    if (libtorch instanceof Libtorch.Bundled bundled && !bundled.flavour().equals(FLAVOUR)) {
      throw missing(
          device,
          "this build has libtorch for "
              + bundled.flavour()
              + " on its class path, which goes before any other: build with ./mvnw -Pgpu package");
    }
    if (libtorch instanceof Libtorch.Installed own) {
      if (!own.hasCuda()) {
        throw missing(
            device,
            "PYTORCH_LIBRARY_PATH is "
                + own.folder()
                + ", which holds no libtorch_cuda.so: name the lib folder of a libtorch "
                + PYTORCH
                + " for CUDA 12.8");
      }
      if (!own.version().equals(PYTORCH) || !own.flavour().equals(FLAVOUR)) {
        throw missing(
            device,
            "beside PYTORCH_LIBRARY_PATH, PYTORCH_VERSION is \""
                + own.version()
                + "\" and PYTORCH_FLAVOR is \""
                + own.flavour()
                + "\": they must be "
                + PYTORCH
                + " and "
                + FLAVOUR
                + ", and the libtorch that");
      }
    }
    if (libtorch instanceof Libtorch.Download download && !download.flavour().equals(FLAVOUR)) {
      throw missing(
          device,
          "PYTORCH_FLAVOR is "
              + download.flavour()
              + ", and a libtorch for "
              + FLAVOUR
              + " is needed: leave it out, or set PYTORCH_FLAVOR="
              + FLAVOUR);
    }
    if (libtorch instanceof Libtorch.Download download && !download.possible()) {
      throw missing(
          device,
          "there is no libtorch for CUDA: name an installed one by PYTORCH_LIBRARY_PATH (its lib"
              + " folder), PYTORCH_VERSION="
              + PYTORCH
              + " and PYTORCH_FLAVOR="
              + FLAVOUR
              + ", or let it be downloaded once, 2.5 GB, with"
              + " POLYPHONY_JAVA_OPTIONS=-Dai.djl.offline=false");
    }
  }

  private static PolyphonyException missing(Device.Cuda device, String what) {
    return PolyphonyException.config(device + " cannot be used: " + what);
  }

  /** Such as 12.8 for 12080. */
  static String cuda(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }
}
