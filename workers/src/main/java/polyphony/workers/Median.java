package polyphony.workers;

import java.util.Arrays;

/** The middle one of measured values; the upper one of two. */
public final class Median {
  private Median() {}

  /** Of at least one value; their order is left as it is. */
  public static double of(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
