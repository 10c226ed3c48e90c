package polyphony.storage;

import java.util.Objects;

/** An error with its class and one line that says what to do about it. */
public class PolyphonyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorClass errorClass;

  public PolyphonyException(ErrorClass errorClass, String message) {
    this(errorClass, message, null);
  }

  public PolyphonyException(ErrorClass errorClass, String message, Throwable cause) {
    super(message, cause);
    this.errorClass = Objects.requireNonNull(errorClass, "errorClass");
  }

  public ErrorClass errorClass() {
    return errorClass;
  }

  public static PolyphonyException data(String message) {
    return new PolyphonyException(ErrorClass.DATA, message);
  }

  public static PolyphonyException config(String message) {
    return new PolyphonyException(ErrorClass.CONFIG, message);
  }

  public static PolyphonyException infrastructure(String message, Throwable cause) {
    return new PolyphonyException(ErrorClass.INFRASTRUCTURE, message, cause);
  }
}
