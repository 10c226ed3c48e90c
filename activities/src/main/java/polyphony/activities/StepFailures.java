package polyphony.activities;

import io.temporal.client.ActivityCompletionException;
import io.temporal.client.ActivityWorkerShutdownException;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.TemporalFailure;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.CommitCount;
import polyphony.workflows.InvalidSpecException;

/**
 * Errors of steps as failures of activities: the type says who must act, the message what to do.
 */
public final class StepFailures {
  private static final Logger LOG = LoggerFactory.getLogger(StepFailures.class);
  // A failure is kept in the workflow's mutable state, where the server cuts it at 4 KiB.
  private static final int LONGEST_MESSAGE = 2000;

  private StepFailures() {}

  /** Of a step that commits nothing. */
  static RuntimeException of(String step, Throwable error) {
    return of(step, error, 0);
  }

  /**
   * @param commits how many commits the attempt had made
   */
  static RuntimeException of(String step, Throwable error, long commits) {
    if (error instanceof ActivityWorkerShutdownException) {
      // Whoever asked for the step learns that it is to be tried again, after a while.
      return of(
          step,
          PolyphonyException.infrastructure(
              step + " was stopped since its worker is shutting down: another one goes on", error),
          commits);
    }
    if (error instanceof ActivityCompletionException || error instanceof TemporalFailure) {
      return (RuntimeException) error;
    }
    ErrorClass errorClass = errorClass(error);
    String message = message(errorClass, error);
    if (errorClass == ErrorClass.BUG) {
      LOG.error("{} failed", step, error);
    } else {
      LOG.warn("{} failed: {} ({})", step, message, errorClass);
    }
    // Without the cause: its stack trace is in the log and would crowd out the message.
    return ApplicationFailure.newBuilder()
        .setType(errorClass.name())
        .setMessage(message)
        .setNonRetryable(!errorClass.retryable())
        .setDetails(new CommitCount(commits))
        .build();
  }

  /** Any error of a step as one with a class and one line. */
  public static PolyphonyException classified(Throwable error) {
    ErrorClass errorClass = errorClass(error);
    return new PolyphonyException(errorClass, message(errorClass, error), error);
  }

  private static ErrorClass errorClass(Throwable error) {
    if (error instanceof PolyphonyException known) {
      return known.errorClass();
    }
    if (error instanceof InvalidSpecException) {
      return ErrorClass.CONFIG;
    }
    if (error instanceof OutOfMemoryError) {
      return ErrorClass.OUT_OF_MEMORY;
    }
    // Whoever interrupts a step is shutting this process down.
    return error instanceof InterruptedException ? ErrorClass.INFRASTRUCTURE : ErrorClass.BUG;
  }

  private static String message(ErrorClass errorClass, Throwable error) {
    String message =
        switch (errorClass) {
          case BUG ->
              error instanceof PolyphonyException
                  ? error.getMessage()
                  : error.getClass().getName() + ": " + error.getMessage();
          case OUT_OF_MEMORY ->
              error instanceof PolyphonyException
                  ? error.getMessage()
                  : "not enough memory ("
                      + error.getMessage()
                      + "); give the worker more, or lower batchSize";
          default ->
              error instanceof InterruptedException
                  ? "interrupted while this worker was shutting down"
                  : error.getMessage();
        };
    String line = String.valueOf(message).lines().findFirst().orElse("");
    return line.substring(0, Math.min(LONGEST_MESSAGE, line.length()));
  }
}
