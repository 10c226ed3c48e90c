package polyphony.workflows;

import io.temporal.common.converter.DataConverterException;

/** What was typed to start a workflow cannot be read; the message names the field. */
public final class InvalidInputException extends DataConverterException {
  private static final long serialVersionUID = 1L;

  public InvalidInputException(String message, Throwable cause) {
    super(message, cause);
  }
}
