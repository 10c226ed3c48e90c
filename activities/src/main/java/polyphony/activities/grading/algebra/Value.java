package polyphony.activities.grading.algebra;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;

/**
 * A complex number: exactly a fraction where that is known, else in double precision.
 *
 * @param above numerator of the exact value in lowest terms; null where it is not known exactly
 * @param below denominator, positive; null with {@code above}
 */
record Value(BigInteger above, BigInteger below, double re, double im) {
  /** Larger exact numbers go on in double precision. */
  static final int MAX_BITS = 4_096;

  static final Value ZERO = of(0);
  static final Value ONE = of(1);
  static final Value I = new Value(null, null, 0, 1);

  static Value of(long value) {
    return exact(BigInteger.valueOf(value), BigInteger.ONE);
  }

  static Value real(double value) {
    return complex(value, 0);
  }

  static Value complex(double re, double im) {
    return new Value(null, null, re, im);
  }

  static Value of(BigDecimal value) {
    if (Math.abs((long) value.scale()) > 1_000 || value.precision() > 1_200) {
      return real(value.doubleValue());
    }
    return value.scale() > 0
        ? exact(value.unscaledValue(), BigInteger.TEN.pow(value.scale()))
        : exact(value.toBigIntegerExact(), BigInteger.ONE);
  }

  static Value exact(BigInteger above, BigInteger below) {
    if (below.signum() == 0) {
      return real(Double.NaN);
    }
    if (above.bitLength() > 2 * MAX_BITS || below.bitLength() > 2 * MAX_BITS) {
      return real(quotient(above, below));
    }
    BigInteger common = above.gcd(below);
    if (below.signum() < 0) {
      common = common.negate();
    }
    BigInteger reducedAbove = common.signum() == 0 ? above : above.divide(common);
    BigInteger reducedBelow = common.signum() == 0 ? below : below.divide(common);
    double approximation = quotient(reducedAbove, reducedBelow);
    return reducedAbove.bitLength() > MAX_BITS || reducedBelow.bitLength() > MAX_BITS
        ? real(approximation)
        : new Value(reducedAbove, reducedBelow, approximation, 0);
  }

  private static double quotient(BigInteger above, BigInteger below) {
    return new BigDecimal(above).divide(new BigDecimal(below), MathContext.DECIMAL64).doubleValue();
  }

  boolean isExact() {
    return above != null;
  }

  boolean isInteger() {
    return isExact() && below.equals(BigInteger.ONE);
  }

  boolean isFinite() {
    return isExact() || (Double.isFinite(re) && Double.isFinite(im));
  }

  boolean isReal() {
    return Math.abs(im) <= 1e-9 * Math.max(1, Math.abs(re));
  }

  /** The integer, where it is one of this range. */
  Integer small(int from, int to) {
    if (!isInteger() || above.bitLength() > 31) {
      return null;
    }
    int value = above.intValueExact();
    return value < from || value > to ? null : value;
  }

  /** As large numbers cost more: for {@link Work}. */
  int cost() {
    return isExact() ? 1 + (above.bitLength() + below.bitLength()) / 64 : 1;
  }

  Value plus(Value other) {
    return isExact() && other.isExact()
        ? exact(
            above.multiply(other.below).add(other.above.multiply(below)),
            below.multiply(other.below))
        : complex(re + other.re, im + other.im);
  }

  Value negate() {
    return isExact() ? new Value(above.negate(), below, -re, 0) : complex(-re, -im);
  }

  Value minus(Value other) {
    return plus(other.negate());
  }

  Value times(Value other) {
    if (isExact() && other.isExact()) {
      return exact(above.multiply(other.above), below.multiply(other.below));
    }
    // A zero that is exact annihilates, and keeps infinities from becoming NaN in i times them.
    if (im == 0 && other.im == 0) {
      return real(re * other.re);
    }
    return complex(re * other.re - im * other.im, re * other.im + im * other.re);
  }

  Value inverse() {
    if (isExact()) {
      return exact(below, above);
    }
    if (im == 0) {
      return real(re == 0 ? Double.NaN : 1 / re);
    }
    double square = re * re + im * im;
    return complex(re / square, -im / square);
  }

  Value over(Value other) {
    return times(other.inverse());
  }

  double abs() {
    return Math.hypot(re, im);
  }

  Value exponential() {
    double scale = Math.exp(re);
    return im == 0 ? real(scale) : complex(scale * Math.cos(im), scale * Math.sin(im));
  }

  /** Principal branch. */
  Value logarithm() {
    return abs() == 0 ? real(Double.NaN) : complex(Math.log(abs()), Math.atan2(im, re));
  }

  Value power(Value exponent) {
    Integer count = exponent.small(-2_000, 2_000);
    if (count != null && isExact()) {
      long bits = (long) Math.max(above.bitLength(), below.bitLength()) * Math.abs(count);
      if (count >= 0 && bits <= MAX_BITS) {
        return exact(above.pow(count), below.pow(count));
      } else if (bits <= MAX_BITS) {
        return exact(below.pow(-count), above.pow(-count));
      }
    }
    if (count != null && !isExact()) {
      return wholePower(count);
    }
    if (isExact()
        && exponent.isExact()
        && !exponent.isInteger()
        && exponent.below.bitLength() < 8
        && re >= 0) {
      Value root = root(exponent.below.intValueExact());
      if (root.isExact()) {
        return root.power(exact(exponent.above, BigInteger.ONE));
      }
    }
    if (abs() == 0) {
      return exponent.re > 0 ? ZERO : real(Double.NaN);
    }
    if (im == 0 && exponent.im == 0 && re > 0) {
      return real(Math.pow(re, exponent.re));
    }
    return exponent.times(logarithm()).exponential();
  }

  private Value wholePower(int count) {
    Value result = ONE;
    Value square = this;
    for (int left = Math.abs(count); left > 0; left >>= 1) {
      if ((left & 1) == 1) {
        result = result.times(square);
      }
      square = square.times(square);
    }
    return count < 0 ? result.inverse() : result;
  }

  /**
   * Exact where the root is; of a negative number the real root where there is one.
   *
   * @param index positive
   */
  Value root(int index) {
    if (isExact()) {
      BigInteger rootAbove = wholeRoot(above, index);
      BigInteger rootBelow = wholeRoot(below, index);
      if (rootAbove != null && rootBelow != null) {
        return exact(rootAbove, rootBelow);
      }
    }
    if (im == 0 && (re >= 0 || index % 2 == 1)) {
      double root =
          index == 2 ? Math.sqrt(re) : Math.signum(re) * Math.pow(Math.abs(re), 1.0 / index);
      return real(root);
    }
    if (im == 0 && index == 2) {
      return complex(0, Math.sqrt(-re));
    }
    return real(1.0 / index).times(logarithm()).exponential();
  }

  private static BigInteger wholeRoot(BigInteger value, int index) {
    if (value.signum() < 0) {
      BigInteger root = index % 2 == 1 ? wholeRoot(value.negate(), index) : null;
      return root == null ? null : root.negate();
    }
    if (value.bitLength() < 2) {
      return value;
    }
    if (index == 2) {
      BigInteger root = value.sqrt();
      return root.multiply(root).equals(value) ? root : null;
    }
    if (value.bitLength() > 1_000 || index > 100) {
      return null;
    }
    BigInteger guess =
        BigDecimal.valueOf(Math.rint(Math.pow(value.doubleValue(), 1.0 / index))).toBigInteger();
    return guess.pow(index).equals(value) ? guess : null;
  }

  /** Equal exactly where both are known exactly, else within double precision's reach. */
  boolean near(Value other) {
    if (isExact() && other.isExact()) {
      return above.equals(other.above) && below.equals(other.below);
    }
    double scale = Math.max(abs(), other.abs());
    return Math.hypot(re - other.re, im - other.im) <= 1e-9 * scale + 1e-12;
  }
}
