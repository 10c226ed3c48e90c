package polyphony.storage;

/** What kind of trouble an error is: it decides who must act, and whether a retry can help. */
public enum ErrorClass {
  /** The data is wrong (a file, an answer set, a model). Never retried. */
  DATA(false),
  /** The request is wrong (a field, a flag, a name). Never retried. */
  CONFIG(false),
  /** A machine, disk or network failed. Retried. */
  INFRASTRUCTURE(true),
  /**
   * The work did not fit the device's memory. Retried with half the batch where that is possible.
   */
  OUT_OF_MEMORY(true),
  /** A defect of this program. Never retried. */
  BUG(false);

  private final boolean retryable;

  ErrorClass(boolean retryable) {
    this.retryable = retryable;
  }

  public boolean retryable() {
    return retryable;
  }
}
