package polyphony.activities.lm;

import java.util.SortedSet;

/**
 * The shape of a LoRA adapter (Hu et al., arXiv 2106.09685): each target's weight {@code W [out,
 * in]} becomes {@code W + alpha / rank * B A}, where {@code A [rank, in]} and {@code B [out,
 * rank]}.
 *
 * @param rank of every target's addition
 * @param alpha numerator of the scale
 * @param dropout share of a target's input that training sets to 0 on the way to {@code A}
 * @param targets names of the linear layers within a block, without their path, such as {@code
 *     q_proj}
 */
public record AdapterConfig(int rank, double alpha, double dropout, SortedSet<String> targets) {
  /** What {@code B A} is multiplied by. */
  public double scale() {
    return alpha / rank;
  }
}
