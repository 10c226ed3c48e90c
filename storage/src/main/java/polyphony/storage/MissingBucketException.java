package polyphony.storage;

/** The bucket is not there: its name is wrong, or it has yet to be made. */
public final class MissingBucketException extends PolyphonyException {
  private static final long serialVersionUID = 1L;

  MissingBucketException(String message) {
    super(ErrorClass.CONFIG, message);
  }
}
