package polyphony.activities.lm.onnx;

/**
 * How a session uses the machine.
 *
 * @param threads threads inside one operator; 1 is right where cores are shared
 * @param stepsPerRun new tokens per run of the graph, at most; a longer generation goes on in
 *     another run, without the rows that are done, which bounds the memory that the cache takes
 */
public record OnnxOptions(int threads, int stepsPerRun) {
  public static final OnnxOptions DEFAULT = new OnnxOptions(1, 256);

  public OnnxOptions {
    if (threads < 1 || stepsPerRun < 1) {
      throw new IllegalArgumentException(
          "threads and stepsPerRun must be at least 1, not " + threads + " and " + stepsPerRun);
    }
  }
}
