package polyphony.storage;

import java.util.Objects;

/** An error with its class and one line that says what to do about it. */
public class PolyphonyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What comes from outside and is quoted may be of any length; what to do stands at the end. */
  private static final int SHOWN_START = 1600;

  private static final int SHOWN_END = 300;

  private final ErrorClass errorClass;

  public PolyphonyException(ErrorClass errorClass, String message) {
    this(errorClass, message, null);
  }

  public PolyphonyException(ErrorClass errorClass, String message, Throwable cause) {
    super(shortened(message), cause);
    this.errorClass = Objects.requireNonNull(errorClass, "errorClass");
  }

  private static String shortened(String message) {
    return message == null || message.length() <= SHOWN_START + SHOWN_END
        ? message
        : message.substring(0, SHOWN_START)
            + " … "
            + message.substring(message.length() - SHOWN_END);
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
