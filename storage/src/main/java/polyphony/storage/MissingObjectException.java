package polyphony.storage;

/** The store has no object of this key. */
public final class MissingObjectException extends PolyphonyException {
  private static final long serialVersionUID = 1L;

  private final String key;

  MissingObjectException(String key, String store) {
    super(
        ErrorClass.DATA,
        "the object "
            + key
            + " is not in "
            + store
            + ": restore it there, or set the step that wrote it aside so that it is computed again");
    this.key = key;
  }

  public String key() {
    return key;
  }
}
