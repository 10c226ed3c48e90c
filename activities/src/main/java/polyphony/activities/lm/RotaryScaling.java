package polyphony.activities.lm;

import java.util.List;

/** How a model that was trained on short texts turns its rotary positions in longer ones. */
public sealed interface RotaryScaling {

  /** Every pair turns by its frequency. */
  record None() implements RotaryScaling {}

  /** Position interpolation (arXiv 2306.15595): every pair turns {@code factor} times slower. */
  record Linear(double factor) implements RotaryScaling {}

  /**
   * Dynamic NTK: a text of n tokens, more than {@code maxPositions}, has the base {@code theta (f n
   * / maxPositions - (f - 1))^(size / (size - 2))} for the factor f; a shorter one has theta.
   */
  record Dynamic(double factor, int maxPositions) implements RotaryScaling {}

  /**
   * Llama 3.1's: pairs whose wave is longer than {@code originalPositions / lowFrequencyFactor}
   * turn {@code factor} times slower, those whose wave is shorter than {@code originalPositions /
   * highFrequencyFactor} as before, and those between in between.
   */
  record Llama3(
      double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalPositions)
      implements RotaryScaling {}

  /**
   * YaRN (arXiv 2309.00071): pairs that turn fewer than {@code slowTurns} times in {@code
   * originalPositions} tokens turn {@code factor} times slower, those that turn more than {@code
   * fastTurns} times as before, and those between in between, by their place.
   *
   * @param wholePairs whether the places where this begins and ends are rounded outwards
   * @param magnitude of the turned entries
   */
  record Yarn(
      double factor,
      double fastTurns,
      double slowTurns,
      boolean wholePairs,
      int originalPositions,
      double magnitude)
      implements RotaryScaling {}

  /**
   * LongRoPE (arXiv 2402.13753): each pair has a factor of its own, another one in texts that are
   * longer than {@code originalPositions} tokens.
   *
   * @param magnitude of the turned entries, in short texts too; grows the attention scores
   */
  record LongRope(
      List<Double> shortFactors, List<Double> longFactors, int originalPositions, double magnitude)
      implements RotaryScaling {
    public LongRope {
      shortFactors = List.copyOf(shortFactors);
      longFactors = List.copyOf(longFactors);
    }
  }
}
