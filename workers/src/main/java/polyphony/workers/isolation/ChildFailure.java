package polyphony.workers.isolation;

/** The cause of a failure in a child, as its text. */
final class ChildFailure extends Exception {
  private static final long serialVersionUID = 1L;

  ChildFailure(String trace) {
    super("in the step's own process: " + trace, null, false, false);
  }
}
