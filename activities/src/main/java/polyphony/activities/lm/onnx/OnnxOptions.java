package polyphony.activities.lm.onnx;

import java.util.Optional;
import polyphony.activities.lm.MemoryPlan;

/**
 * How a session uses the machine.
 *
 * @param threads threads inside one operator; 1 is right where cores are shared
 * @param stepsPerRun new tokens per run of the graph, at most; a longer generation goes on in
 *     another run, without the rows that are done, which bounds the memory that the cache takes
 * @param tokensPerScoring tokens of one run of the scoring graph, padding included, at most (one
 *     text at least); what fits the processor's cache is faster than what does not
 * @param variant how graphs are written
 * @param cuda the GPU to compute on; empty: the processors
 */
public record OnnxOptions(
    int threads,
    int stepsPerRun,
    int tokensPerScoring,
    GraphVariant variant,
    Optional<OnnxCuda> cuda) {
  public static final OnnxOptions DEFAULT =
      new OnnxOptions(1, MemoryPlan.STEPS_PER_RUN, MemoryPlan.TOKENS_PER_SCORING);

  public OnnxOptions {
    if (threads < 1 || stepsPerRun < 1 || tokensPerScoring < 1) {
      throw new IllegalArgumentException(
          "threads, stepsPerRun and tokensPerScoring must be at least 1, not "
              + threads
              + ", "
              + stepsPerRun
              + " and "
              + tokensPerScoring);
    }
  }

  /** On the processors, with their graphs. */
  public OnnxOptions(int threads, int stepsPerRun, int tokensPerScoring) {
    this(threads, stepsPerRun, tokensPerScoring, GraphVariant.CPU, Optional.empty());
  }

  /** The same with graphs of another variant. */
  public OnnxOptions with(GraphVariant other) {
    return new OnnxOptions(threads, stepsPerRun, tokensPerScoring, other, cuda);
  }

  /** The same on a GPU. */
  public OnnxOptions on(OnnxCuda gpu) {
    return new OnnxOptions(threads, stepsPerRun, tokensPerScoring, variant, Optional.of(gpu));
  }
}
