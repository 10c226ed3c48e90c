package polyphony.activities.lm;

/**
 * How numbers are held where models are computed, as far as it decides how much memory they take.
 */
public enum Arithmetic {
  /** 32-bit floats, in a process's own memory. */
  CPU,

  /** 32-bit floats on a GPU. */
  CUDA_FLOAT32,

  /**
   * Weights, activations and cache in 16 bits (bfloat16) on a GPU; what is trained has 32-bit
   * masters.
   */
  CUDA_BFLOAT16;

  /** Bytes of a weight that is not trained, of an activation, and of a number in the cache. */
  public long bytesPerNumber() {
    return this == CUDA_BFLOAT16 ? 2 : 4;
  }

  boolean onGpu() {
    return this != CPU;
  }
}
