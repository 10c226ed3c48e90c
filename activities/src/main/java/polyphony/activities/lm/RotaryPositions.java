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
 * @param singlePrecision whether frequencies and angles are rounded to 32 bits, as in transformers:
 *     the models were trained with that, and at position p it moves an angle by up to p * 1e-7. In
 *     a {@link #SHORT_CONTEXT} that is nothing, and angles are exact
 */
public record RotaryPositions(
    int size, double theta, RotaryScaling scaling, boolean singlePrecision) {

  /** Tokens up to which exact and rounded angles give the same logits to four decimals. */
  static final int SHORT_CONTEXT = 1024;

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

  /**
   * The same for a text of {@code length} tokens that may be more than the model's context holds.
   */
  public RotaryPositions at(int length) {
    boolean rounded = singlePrecision || length > SHORT_CONTEXT;
    if (scaling instanceof RotaryScaling.Dynamic dynamic && length > dynamic.maxPositions()) {
      double growth = dynamic.factor() * length / dynamic.maxPositions() - (dynamic.factor() - 1);
      return new RotaryPositions(
          size, theta * Math.pow(growth, size / (size - 2.0)), new RotaryScaling.None(), rounded);
    }
    return new RotaryPositions(size, theta, scaling, rounded);
  }

  /** {@code [size / 2]}: the angle, in radians, by which each pair turns from token to token. */
  public double[] frequencies(int regime) {
    double[] frequencies = new double[size / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = scaled(rounded(2.0 * i / size), i, regime);
    }
    return frequencies;
  }

  /** The angle, in radians, of a pair at {@code position}. */
  public double angle(int position, double frequency) {
    return rounded(position * frequency);
  }

  private double scaled(double exponent, int pair, int regime) {
    if (scaling instanceof RotaryScaling.Linear linear) {
      return rounded(frequency(exponent, 1) / linear.factor());
    }
    if (scaling instanceof RotaryScaling.Llama3 llama3) {
      double frequency = frequency(exponent, 1);
      double waves = llama3.originalPositions() * frequency / (2 * Math.PI);
      double kept =
          (waves - llama3.lowFrequencyFactor())
              / (llama3.highFrequencyFactor() - llama3.lowFrequencyFactor());
      double share = Math.max(0, Math.min(1, kept));
      return rounded(share * frequency + (1 - share) * frequency / llama3.factor());
    }
    if (scaling instanceof RotaryScaling.Yarn yarn) {
      double first = pairOf(yarn.fastTurns(), yarn.originalPositions());
      double last = pairOf(yarn.slowTurns(), yarn.originalPositions());
      first = Math.max(0, yarn.wholePairs() ? Math.floor(first) : first);
      last = Math.min(size - 1, yarn.wholePairs() ? Math.ceil(last) : last);
      double width = first == last ? 0.001 : last - first;
      double share = rounded(Math.max(0, Math.min(1, (pair - first) / width)));
      return rounded(
          frequency(exponent, yarn.factor()) * share + frequency(exponent, 1) * (1 - share));
    }
    if (scaling instanceof RotaryScaling.LongRope longRope) {
      List<Double> factors = regime == 0 ? longRope.shortFactors() : longRope.longFactors();
      return frequency(exponent, factors.get(pair));
    }
    return frequency(exponent, 1);
  }

  /** The place, a fraction, of the pair that turns {@code turns} times in {@code positions}. */
  private double pairOf(double turns, int positions) {
    return size * Math.log(positions / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  }

  /** {@code 1 / (factor * theta^exponent)}. */
  private double frequency(double exponent, double factor) {
    return singlePrecision
        ? rounded(1 / rounded(rounded(factor) * rounded(Math.pow(theta, exponent))))
        : Math.pow(theta, -exponent) / factor;
  }

  private double rounded(double value) {
    return singlePrecision ? (float) value : value;
  }

  /** What cosine and sine are multiplied by. */
  public double magnitude() {
    if (scaling instanceof RotaryScaling.Yarn yarn) {
      return yarn.magnitude();
    }
    return scaling instanceof RotaryScaling.LongRope longRope ? longRope.magnitude() : 1;
  }
}
