package polyphony.workers;

import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** The Temporal service has no such namespace: its name is wrong, or it has yet to be made. */
final class MissingNamespaceException extends PolyphonyException {
  private static final long serialVersionUID = 1L;

  MissingNamespaceException(String message) {
    super(ErrorClass.CONFIG, message);
  }
}
