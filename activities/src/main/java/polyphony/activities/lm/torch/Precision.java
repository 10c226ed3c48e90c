package polyphony.activities.lm.torch;

/** In which floating-point numbers a decoder computes. What is trained has 32 bits in either. */
public enum Precision {
  /** All of it in 32 bits, or in the weights' own precision. */
  FLOAT32,

  /**
   * Products, the stream between them and attention in bfloat16; norms, the turning of positions,
   * the loss, gradients of weights and the optimizer in 32 bits. Every product rounds the weights
   * anew, so that steps too small for 8 bits of fraction are not lost. The weights below an adapter
   * are held in bfloat16, in half of the memory.
   */
  BFLOAT16
}
