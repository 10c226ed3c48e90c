package polyphony.workers;

import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import java.util.Locale;
import polyphony.workflows.Progress;

/** How an experiment stands. */
enum ExperimentState {
  RUNNING,
  PAUSED,
  NEEDS_ATTENTION,
  COMPLETED,
  FAILED,
  CANCELED,
  TERMINATED,
  TIMED_OUT,
  /** In the store; there is no history of it (any more). */
  RECORDED;

  /**
   * @param phase as the experiment, or its search attribute, says; may be null
   */
  static ExperimentState of(WorkflowExecutionStatus status, String phase) {
    return switch (status) {
      case WORKFLOW_EXECUTION_STATUS_COMPLETED -> COMPLETED;
      case WORKFLOW_EXECUTION_STATUS_FAILED -> FAILED;
      case WORKFLOW_EXECUTION_STATUS_CANCELED -> CANCELED;
      case WORKFLOW_EXECUTION_STATUS_TERMINATED -> TERMINATED;
      case WORKFLOW_EXECUTION_STATUS_TIMED_OUT -> TIMED_OUT;
      default -> of(phase);
    };
  }

  /** Of an open experiment. */
  static ExperimentState of(String phase) {
    return Progress.NEEDS_ATTENTION.equals(phase)
        ? NEEDS_ATTENTION
        : Progress.PAUSED.equals(phase) ? PAUSED : RUNNING;
  }

  boolean isOpen() {
    return this == RUNNING || this == PAUSED || this == NEEDS_ATTENTION;
  }

  /** For people. */
  String shown() {
    return this == NEEDS_ATTENTION ? name() : name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
