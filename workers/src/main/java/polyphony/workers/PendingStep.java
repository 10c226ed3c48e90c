package polyphony.workers;

import com.google.protobuf.util.Timestamps;
import io.temporal.api.enums.v1.PendingActivityState;
import io.temporal.api.failure.v1.Failure;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DataConverterException;
import java.time.Instant;
import java.util.Optional;
import polyphony.activities.RunningStep;

/**
 * A step that is not finished, as the Temporal service sees it.
 *
 * @param step the activity's type
 * @param state {@code running}, {@code waiting} (for a worker or a slot), {@code retrying} (after a
 *     pause), {@code stopping} or {@code paused}
 * @param attempt from 1
 * @param worker who works on it, or did last; null where nobody did
 * @param progress what its last heartbeat said; null where there was none
 * @param since when this attempt started, or was to start, ISO 8601; null where not known
 * @param lastFailure one line; null where no attempt failed
 */
record PendingStep(
    String step,
    String state,
    int attempt,
    String worker,
    RunningStep progress,
    String since,
    String lastFailure) {

  static PendingStep of(PendingActivityInfo activity, DataConverter converter) {
    boolean started = activity.getState() != PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED;
    return new PendingStep(
        activity.getActivityType().getName(),
        state(activity),
        activity.getAttempt(),
        blankToNull(activity.getLastWorkerIdentity()),
        progress(activity, converter),
        started
            ? time(
                activity.hasLastStartedTime(), Timestamps.toMillis(activity.getLastStartedTime()))
            : time(activity.hasScheduledTime(), Timestamps.toMillis(activity.getScheduledTime())),
        activity.hasLastFailure() ? line(activity.getLastFailure()) : null);
  }

  boolean isRunning() {
    return state.equals("running") || state.equals("stopping");
  }

  private static String state(PendingActivityInfo activity) {
    return switch (activity.getState()) {
      case PENDING_ACTIVITY_STATE_STARTED -> "running";
      case PENDING_ACTIVITY_STATE_CANCEL_REQUESTED, PENDING_ACTIVITY_STATE_PAUSE_REQUESTED ->
          "stopping";
      case PENDING_ACTIVITY_STATE_PAUSED -> "paused";
      default -> activity.getAttempt() > 1 ? "retrying" : "waiting";
    };
  }

  private static RunningStep progress(PendingActivityInfo activity, DataConverter converter) {
    if (!activity.hasHeartbeatDetails()) {
      return null;
    }
    try {
      return converter.fromPayloads(
          0, Optional.of(activity.getHeartbeatDetails()), RunningStep.class, RunningStep.class);
    } catch (DataConverterException e) {
      // Of a worker of another version: what it says of itself is no reason to fail here.
      return null;
    }
  }

  private static String line(Failure failure) {
    String type = failure.getApplicationFailureInfo().getType();
    String message =
        failure
            .getMessage()
            .lines()
            .map(String::strip)
            .filter(l -> !l.isEmpty())
            .findFirst()
            .orElse("");
    return type.isEmpty() || message.isEmpty() ? type + message : message + " (" + type + ")";
  }

  private static String time(boolean present, long milliseconds) {
    return present ? Instant.ofEpochMilli(milliseconds).toString() : null;
  }

  private static String blankToNull(String text) {
    return text.isBlank() ? null : text;
  }
}
