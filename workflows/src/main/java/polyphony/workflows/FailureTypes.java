package polyphony.workflows;

import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.ChildWorkflowFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.failure.TerminatedFailure;
import io.temporal.failure.TimeoutFailure;

/**
 * The types that failures carry through histories: the names of {@link
 * polyphony.storage.ErrorClass}, which workflow code may not name itself. A failed step fails its
 * workflow, and that one its parent, with the same type and the same one line, so that whoever
 * started the experiment reads what the step said.
 */
public final class FailureTypes {
  public static final String DATA = "DATA";
  public static final String CONFIG = "CONFIG";
  public static final String INFRASTRUCTURE = "INFRASTRUCTURE";
  public static final String OUT_OF_MEMORY = "OUT_OF_MEMORY";
  public static final String BUG = "BUG";

  /** What an operator ended; no class of errors. */
  public static final String ABORTED = "ABORTED";

  /** What a workflow ends with whose request is wrong. */
  static ApplicationFailure config(String message) {
    return ApplicationFailure.newNonRetryableFailure(message, CONFIG);
  }

  /**
   * What a workflow ends with that an operator gave up.
   *
   * @param reason may be null or blank
   */
  static ApplicationFailure aborted(String reason) {
    return ApplicationFailure.newNonRetryableFailure(
        "aborted by an operator"
            + (reason == null || reason.isBlank() ? "" : ": " + oneLine(reason)),
        ABORTED);
  }

  /** Whether the same step may well succeed if it is just tried again. */
  static boolean mayPass(TemporalFailure surfaced) {
    return surfaced instanceof ApplicationFailure failure
        ? INFRASTRUCTURE.equals(failure.getType()) || OUT_OF_MEMORY.equals(failure.getType())
        : isCancellation(surfaced);
  }

  /** The type of what {@link #surfaced} returned. */
  static String type(TemporalFailure surfaced) {
    return surfaced instanceof ApplicationFailure failure ? failure.getType() : INFRASTRUCTURE;
  }

  /** The one line of what {@link #surfaced} returned. */
  static String line(TemporalFailure surfaced) {
    return surfaced instanceof ApplicationFailure failure
        ? failure.getOriginalMessage()
        : what(surfaced) + " was cancelled";
  }

  /** Whether a step, a child or a workflow was cancelled, and did not fail. */
  static boolean isCancellation(TemporalFailure failure) {
    return reason(failure) instanceof CanceledFailure;
  }

  /**
   * What a workflow ends with when a step, or a child, failed for good. Cancellation stays what it
   * is.
   */
  static TemporalFailure surfaced(TemporalFailure failure) {
    Throwable reason = reason(failure);
    if (reason instanceof CanceledFailure) {
      return failure;
    } else if (reason instanceof ApplicationFailure application) {
      String type = application.getType();
      return surfaced(
          String.valueOf(application.getOriginalMessage()),
          InvalidSpecException.class.getName().equals(type) ? CONFIG : type,
          failure);
    } else if (reason instanceof TimeoutFailure timeout) {
      return surfaced(
          what(failure)
              + " ran into its time limit ("
              + timeout.getTimeoutType().name().replaceFirst("^TIMEOUT_TYPE_", "")
              + "): check that a worker for it is alive; what is committed is kept",
          INFRASTRUCTURE,
          failure);
    } else if (reason instanceof TerminatedFailure) {
      return surfaced(
          what(failure) + " was terminated: start the experiment again to resume",
          INFRASTRUCTURE,
          failure);
    }
    return surfaced(what(failure) + " failed: " + reason.getMessage(), BUG, failure);
  }

  private static ApplicationFailure surfaced(String message, String type, TemporalFailure cause) {
    return ApplicationFailure.newNonRetryableFailureWithCause(oneLine(message), type, cause);
  }

  /** Whatever the activities and child workflows around it make of it. */
  private static Throwable reason(TemporalFailure failure) {
    Throwable reason = failure;
    while ((reason instanceof ActivityFailure || reason instanceof ChildWorkflowFailure)
        && reason.getCause() != null) {
      reason = reason.getCause();
    }
    return reason;
  }

  private static String oneLine(String message) {
    return message.replaceAll("\\s*\\R\\s*", " ");
  }

  private static String what(TemporalFailure failure) {
    if (failure instanceof ActivityFailure activity) {
      return activity.getActivityType();
    } else if (failure instanceof ChildWorkflowFailure child) {
      return child.getExecution().getWorkflowId();
    }
    return "the workflow";
  }

  private FailureTypes() {}
}
