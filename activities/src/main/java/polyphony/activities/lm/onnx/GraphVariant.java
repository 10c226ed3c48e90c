package polyphony.activities.lm.onnx;

import java.util.Optional;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;

/**
 * In which form, and in which numbers, a decoder is written into a graph. All of them compute the
 * same function; which is fast, and which has operators at all, depends on the device.
 *
 * @param attention the operator that attends
 * @param precision of weights, the residual stream and the cache. Norms, softmax and what follows
 *     the logits are reckoned with 32 bits in every precision, as in transformers
 * @param segmented whether the cumulative weights of a large vocabulary are taken in two steps, of
 *     segments and within one. CUDA's kernel adds up all that stands before each element, and is
 *     too slow otherwise; but the sums are rounded otherwise, and a draw between two tokens may
 *     fall on the other side. So the processor keeps to one step, which draws what it always drew.
 */
public record GraphVariant(Attention attention, Precision precision, boolean segmented) {
  /** Drawing as the processor does. */
  public GraphVariant(Attention attention, Precision precision) {
    this(attention, precision, false);
  }

  /** Which operator attends. */
  public enum Attention {
    /** {@code Attention} of opset 23. */
    STANDARD,
    /**
     * {@code GroupQueryAttention} of ONNX Runtime, on CUDA a flash kernel without a mask, where the
     * model suits it; otherwise {@link #STANDARD}.
     */
    GROUPED
  }

  /** Numbers, by the width of their floating-point format. */
  public enum Precision {
    FLOAT32(ElementType.FLOAT),
    FLOAT16(ElementType.FLOAT16),
    /** Its kernels exist on CUDA alone, from compute capability 8.0. */
    BFLOAT16(ElementType.BFLOAT16);

    private final ElementType type;

    Precision(ElementType type) {
      this.type = type;
    }

    ElementType type() {
      return type;
    }
  }

  /** The processor's kernels are fastest, and complete, for these. */
  public static final GraphVariant CPU = new GraphVariant(Attention.STANDARD, Precision.FLOAT32);

  /** Flash attention over rows of any length, and half of the bytes. */
  public static final GraphVariant CUDA =
      new GraphVariant(Attention.GROUPED, Precision.BFLOAT16, true);

  /** The variant for this way of holding numbers. */
  public static GraphVariant of(Arithmetic arithmetic) {
    return switch (arithmetic) {
      case CPU -> CPU;
      case CUDA_FLOAT32 -> new GraphVariant(Attention.STANDARD, Precision.FLOAT32, true);
      case CUDA_BFLOAT16 -> CUDA;
    };
  }

  /** Whether {@code config}'s graph has the grouped form. */
  boolean grouped(DecoderConfig config) {
    return attention == Attention.GROUPED && unsuited(config).isEmpty();
  }

  /**
   * Why the grouped form cannot stand for this model's attention, so that the standard one does;
   * empty where it can. In 32-bit floats it exists on the processor alone.
   */
  public static Optional<String> unsuited(DecoderConfig config) {
    if (config.headSize() % 8 != 0) {
      return Optional.of(
          "GroupQueryAttention wants heads of a multiple of 8, not of " + config.headSize());
    }
    if (config.headSize() > 256) {
      return Optional.of(
          "GroupQueryAttention's flash kernels have heads of up to 256, not of "
              + config.headSize());
    }
    return Optional.empty();
  }

  /** On which side the rows of a batch are padded. */
  PaddedBatch.Side padding(DecoderConfig config) {
    return grouped(config) ? PaddedBatch.Side.RIGHT : PaddedBatch.Side.LEFT;
  }
}
