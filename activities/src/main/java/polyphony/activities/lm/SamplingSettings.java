package polyphony.activities.lm;

/**
 * How continuations are drawn.
 *
 * @param temperature divides the logits; 0 means greedy decoding
 * @param topP nucleus mass in (0, 1]; 1 keeps the whole vocabulary
 * @param maxNewTokens a continuation that reaches this length without an end token is cut
 */
public record SamplingSettings(double temperature, double topP, int maxNewTokens) {
  public SamplingSettings {
    if (!(temperature >= 0) || !(topP > 0 && topP <= 1) || maxNewTokens < 1) {
      throw new IllegalArgumentException(
          "temperature >= 0, 0 < topP <= 1 and maxNewTokens >= 1 are required, not "
              + temperature
              + ", "
              + topP
              + ", "
              + maxNewTokens);
    }
  }
}
