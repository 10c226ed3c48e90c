package polyphony.activities.lm;

import java.util.List;

/**
 * Rotary positions (RoFormer, arXiv 2104.09864, eq. 15): the first {@code size} entries of a head
 * turn in pairs, entry i together with entry {@code i + size / 2}, by the token's position times
 * the pair's frequency, {@code theta^(-2 i / size)} before scaling.
 *
 * <p>Where the frequencies depend on how long a text is, it has a <em>regime</em>: 0 for short
 * ones, 1 for long ones. All positions of a text are turned as its regime says, so that one token
 * more can change them all.
 *
 * @param size entries of a head that turn; even, at most the head's size
 * @param theta base of the frequencies
 */
public record RotaryPositions(int size, double theta, RotaryScaling scaling) {

  /** How many regimes there are. */
  public int regimes() {
    return scaling instanceof RotaryScaling.LongRope ? 2 : 1;
  }

  /** The regime of a text of {@code length} tokens. */
  public int regime(int length) {
    return scaling instanceof RotaryScaling.LongRope longRope
            && length > longRope.originalPositions()
        ? 1
        : 0;
  }

  /** The most tokens that a text may have in the regime of one of {@code length} tokens. */
  public int longest(int length) {
    return scaling instanceof RotaryScaling.LongRope longRope && regime(length) == 0
        ? longRope.originalPositions()
        : Integer.MAX_VALUE;
  }

  /** {@code [size / 2]}: the angle, in radians, by which each pair turns from token to token. */
  public double[] frequencies(int regime) {
    double[] frequencies = new double[size / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = scaled(Math.pow(theta, -2.0 * i / size), i, regime);
    }
    return frequencies;
  }

  private double scaled(double frequency, int pair, int regime) {
    if (scaling instanceof RotaryScaling.Linear linear) {
      return frequency / linear.factor();
    }
    if (scaling instanceof RotaryScaling.Llama3 llama3) {
      double waves = llama3.originalPositions() * frequency / (2 * Math.PI);
      double kept =
          (waves - llama3.lowFrequencyFactor())
              / (llama3.highFrequencyFactor() - llama3.lowFrequencyFactor());
      double share = Math.max(0, Math.min(1, kept));
      return share * frequency + (1 - share) * frequency / llama3.factor();
    }
    if (scaling instanceof RotaryScaling.LongRope longRope) {
      List<Double> factors = regime == 0 ? longRope.shortFactors() : longRope.longFactors();
      return frequency / factors.get(pair);
    }
    return frequency;
  }

  /** What cosine and sine are multiplied by. */
  public double magnitude() {
    return scaling instanceof RotaryScaling.LongRope longRope ? longRope.magnitude() : 1;
  }
}
