package polyphony.workers.devicecheck;

import polyphony.activities.lm.torch.Precision;

/**
 * How far sampling and scoring on a device may be from 32-bit floats on the CPU. A bfloat16 has 8
 * bits of fraction: products of a few layers are off by some hundredths where logits are around 1.
 *
 * @param divergence Kullback-Leibler divergence of the distributions of the next token from the
 *     reference's, in nats, the mean over all positions
 * @param regret by how much, in nats, the reference holds a token that was chosen greedily less
 *     likely than its own choice, the largest
 * @param parting tokens that are the first of their row to differ, of all up to there
 */
record Tolerance(double divergence, double regret, double parting) {
  /**
   * By how many standard errors the surprise at sampled tokens may differ from the entropy of what
   * they were drawn from; by chance one check of 16 000 is further off.
   */
  static final double DEVIATIONS = 4;

  static final Tolerance FLOAT32 = new Tolerance(1e-6, 1e-3, 0.005);
  static final Tolerance BFLOAT16 = new Tolerance(2e-3, 0.15, 0.15);

  /**
   * Of a training step's loss, relative. PyTorch's own bfloat16 is within 0.002 of its 32 bits for
   * models like these.
   */
  static double loss(Precision precision) {
    return switch (precision) {
      case FLOAT32 -> 1e-4;
      case BFLOAT16 -> 0.01;
    };
  }
}
