package polyphony.activities.lm.onnx;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.providers.OrtCUDAProviderOptions;
import java.util.Map;
import java.util.TreeMap;

/**
 * How a session uses a GPU.
 *
 * @param device index of the GPU
 * @param memoryLimit bytes of it that a session may take in all, its weights included: the arena
 *     counts what lies beside it, too
 * @param deterministic whether equal inputs give equal bits, which is slower
 */
public record OnnxCuda(int device, long memoryLimit, boolean deterministic) {
  public OnnxCuda {
    if (device < 0 || memoryLimit < 1) {
      throw new IllegalArgumentException(
          "device must be at least 0 and memoryLimit at least 1, not "
              + device
              + " and "
              + memoryLimit);
    }
  }

  /** Options of the CUDA provider, by their names there. */
  Map<String, String> providerOptions() {
    return new TreeMap<>(
        Map.of(
            "gpu_mem_limit",
            Long.toString(memoryLimit),
            // A cache grows with every token. An arena that grows by just what is asked for would
            // keep a region for each of its lengths, none of which the next one fits in.
            "arena_extend_strategy",
            "kNextPowerOfTwo",
            // A loop's copies between host and device must be ordered with its kernels.
            "do_copy_in_default_stream",
            "1",
            // 32-bit products must be 32-bit products: by default they have 10 bits of fraction.
            "use_tf32",
            "0"));
  }

  /** What becomes of memory that a run took, where it is given back. */
  String shrinkage() {
    return "cpu:0;gpu:" + device;
  }

  /**
   * @throws OrtException where this build has no CUDA, or its libraries cannot be loaded
   */
  void addTo(OrtSession.SessionOptions settings) throws OrtException {
    settings.setDeterministicCompute(deterministic);
    // Weights stay as long as the session: outside the arena they take what they have, no more.
    settings.addConfigEntry("session.use_device_allocator_for_initializers", "1");
    try (OrtCUDAProviderOptions provider = new OrtCUDAProviderOptions(device)) {
      for (Map.Entry<String, String> option : providerOptions().entrySet()) {
        provider.add(option.getKey(), option.getValue());
      }
      settings.addCUDA(provider);
    }
  }
}
