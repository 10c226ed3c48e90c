package polyphony.activities.split;

/**
 * How many examples of either kind a critic is trained on (arXiv 2501.05707, equation 1).
 *
 * @param corrected examples from D^C-
 * @param confirmed examples from D^C+
 */
public record CriticMix(int corrected, int confirmed) {
  /**
   * The most examples of which {@code round(share * n)} can be corrected ones and the rest
   * confirmed ones. Where one of the sets is empty, the whole of the other, unless a share of 0 or
   * 1 asks for a pure set.
   *
   * @param share w, from 0 to 1
   * @param corrected size of D^C-
   * @param confirmed size of D^C+
   */
  public static CriticMix of(double share, int corrected, int confirmed) {
    if (!(share >= 0 && share <= 1)) {
      throw new IllegalArgumentException("a share is from 0 to 1, not " + share);
    }
    if (share == 0) {
      return new CriticMix(0, confirmed);
    }
    if (share == 1) {
      return new CriticMix(corrected, 0);
    }
    if (corrected == 0 || confirmed == 0) {
      return new CriticMix(corrected, confirmed);
    }
    int n = corrected + confirmed;
    while (wanted(share, n) > corrected || n - wanted(share, n) > confirmed) {
      n--;
    }
    return new CriticMix(wanted(share, n), n - wanted(share, n));
  }

  private static int wanted(double share, int n) {
    return (int) Math.round(share * n);
  }
}
