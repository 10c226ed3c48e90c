package polyphony.workflows;

import io.temporal.failure.ActivityFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.Workflow;

/** Has a workflow's notices sent, also where it is being cancelled; none is a reason to fail. */
final class Notices {
  static final String DONE = "done";
  static final String NEEDS_ATTENTION = "needs-attention";

  /** Runs that began to go this way without notices go on without. */
  private static final String CHANGE = "notify";

  private Notices() {}

  /** How a workflow ends that failed with this. */
  static String ending(TemporalFailure surfaced) {
    return FailureTypes.isCancellation(surfaced)
        ? "cancelled"
        : FailureTypes.ABORTED.equals(FailureTypes.type(surfaced)) ? "aborted" : "failed";
  }

  /** Names a notice of this run. */
  static String key(String which) {
    return Workflow.getInfo().getRunId() + "/" + which;
  }

  /** Waits until it is sent, or given up. */
  static void send(Notice notice) {
    if (Workflow.getVersion(CHANGE, Workflow.DEFAULT_VERSION, 1) == Workflow.DEFAULT_VERSION) {
      return;
    }
    Workflow.newDetachedCancellationScope(
            () -> {
              try {
                StepOptions.notice("tell: " + notice.event()).announce(notice);
              } catch (ActivityFailure failure) {
                Workflow.getLogger(Notices.class)
                    .warn(
                        "nobody is told that {} is {}: {}",
                        notice.experiment(),
                        notice.event(),
                        FailureTypes.line(FailureTypes.surfaced(failure)));
              }
            })
        .run();
  }

  /** As {@link #send}, while everything else goes on. */
  static void sendMeanwhile(Notice notice) {
    Async.procedure(() -> send(notice));
  }
}
