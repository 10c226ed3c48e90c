package polyphony.activities.grading.algebra;

/**
 * What one comparison may cost, in elementary operations. A count and not a clock, so that a
 * verdict depends on nothing but the two answers.
 */
final class Work {
  /** Of the order of 10 ms. */
  static final int LIMIT = 400_000;

  /** Deeper nesting is not followed. */
  static final int MAX_DEPTH = 60;

  private int left;

  Work() {
    this.left = LIMIT;
  }

  /**
   * @throws Undecidable where nothing is left
   */
  void spend(int operations) {
    left -= operations;
    if (left < 0) {
      throw new Undecidable("too much work");
    }
  }

  int spent() {
    return LIMIT - left;
  }

  /** An answer that cannot be followed to its end. */
  static final class Undecidable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Undecidable(String message) {
      super(message, null, false, false);
    }
  }
}
