package polyphony.workers;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.cuda.CudaProbe;
import polyphony.activities.lm.cuda.CudaRequirements;
import polyphony.activities.lm.cuda.Gpu;
import polyphony.storage.PolyphonyException;

/**
 * What this process computes on.
 *
 * @param gpu present where it is one
 * @param deterministic whether equal inputs must give equal bits; on the CPU they always do
 * @param line what a person is told of it; empty where there was nothing to choose from
 */
record ChosenDevice(
    Device device, Optional<Gpu> gpu, boolean deterministic, Optional<String> line) {
  static final ChosenDevice CPU =
      new ChosenDevice(Device.CPU, Optional.empty(), false, Optional.empty());

  private static final Device.Cuda FIRST = new Device.Cuda(0);

  /**
   * What the settings ask for. Where they leave it open, the first GPU is taken if it can be used.
   *
   * @throws PolyphonyException as {@link CudaRequirements#require}, where they ask for a GPU
   */
  static ChosenDevice of(Settings settings, CudaProbe probe) {
    if (settings.device().isPresent()) {
      return settings.device().get() instanceof Device.Cuda cuda
          ? on(cuda, CudaRequirements.require(probe, cuda), settings)
          : CPU;
    }
    if (!probe.hasCudaProvider()) {
      return CPU;
    }
    try {
      return on(FIRST, CudaRequirements.require(probe, FIRST), settings);
    } catch (PolyphonyException e) {
      return new ChosenDevice(
          Device.CPU,
          Optional.empty(),
          false,
          Optional.of("computing on the CPU: " + e.getMessage()));
    }
  }

  private static ChosenDevice on(Device.Cuda device, Gpu gpu, Settings settings) {
    return new ChosenDevice(
        device,
        Optional.of(gpu),
        settings.deterministic(),
        Optional.of(
            "computing on "
                + device
                + ": "
                + gpu.name()
                + ", driver "
                + gpu.recorded().get("driver")
                + (settings.deterministic() ? ", deterministically" : "")));
  }

  /** What steps record it as, such as {@code cpu} or {@code NVIDIA H200}. */
  String name() {
    return gpu.map(Gpu::name).orElse(device.toString());
  }

  /** GPUs before compute capability 8.0 have no arithmetic of bfloat16. */
  Arithmetic arithmetic() {
    return gpu.map(
            each ->
                each.capability().major() < 8 ? Arithmetic.CUDA_FLOAT32 : Arithmetic.CUDA_BFLOAT16)
        .orElse(Arithmetic.CPU);
  }

  /** Versions of what can change bytes here, beside those of the runtimes; none on the CPU. */
  Map<String, String> versions() {
    Map<String, String> versions = new TreeMap<>();
    gpu.ifPresent(each -> versions.putAll(each.computing()));
    if (gpu.isPresent() && deterministic) {
      versions.put("deterministic", "true");
    }
    return versions;
  }

  /** What else is recorded of it. */
  Map<String, String> beside() {
    return gpu.map(Gpu::recorded).orElse(Map.of());
  }
}
