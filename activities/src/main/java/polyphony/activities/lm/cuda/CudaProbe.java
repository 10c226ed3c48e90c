package polyphony.activities.lm.cuda;

import java.util.List;
import java.util.Optional;

/** What this process finds of the things that a GPU needs. Looking for them changes nothing. */
public interface CudaProbe {
  /** Whether this build has ONNX Runtime's CUDA provider. */
  boolean hasCudaProvider();

  /** Whether the kernel has NVIDIA's driver, where that can be seen. */
  boolean hasKernelDriver();

  /**
   * Whether the dynamic loader finds a library.
   *
   * @param name such as {@code libcudart.so.12}
   */
  boolean finds(String name);

  /** What the driver says of itself and its GPUs; empty where it does not answer. */
  Optional<Driver> driver();

  /**
   * The version of a CUDA library that the loader finds.
   *
   * @return empty where it does not tell
   */
  Optional<String> version(Library library);

  /** Where libtorch comes from. */
  Libtorch libtorch();

  /** A library that tells its version without a GPU's help. */
  enum Library {
    RUNTIME,
    CUBLAS
  }

  /**
   * A driver.
   *
   * @param version such as 570.124.06
   * @param cuda newest version of CUDA that it serves, such as 12080
   * @param gpus those that this process may use, in the order of their indices
   */
  record Driver(String version, int cuda, List<Card> gpus) {
    public Driver {
      gpus = List.copyOf(gpus);
    }
  }

  /** As in {@link Gpu}. */
  record Card(String name, Gpu.Capability capability, long freeBytes) {}

  /** What DJL will load. */
  sealed interface Libtorch {
    /** A jar on the class path, which goes before everything else. */
    record Bundled(String flavour) implements Libtorch {}

    /**
     * One that was installed, as {@code PYTORCH_LIBRARY_PATH} names it.
     *
     * @param version {@code PYTORCH_VERSION}, empty where it is not set
     * @param flavour {@code PYTORCH_FLAVOR}, empty where it is not set
     * @param hasCuda whether {@code libtorch_cuda.so} lies there
     */
    record Installed(String folder, String version, String flavour, boolean hasCuda)
        implements Libtorch {}

    /**
     * One that DJL has downloaded, or will.
     *
     * @param flavour {@code PYTORCH_FLAVOR}, or the one that this build is for
     * @param possible whether it is there, or may be downloaded
     */
    record Download(String flavour, boolean possible) implements Libtorch {}
  }
}
