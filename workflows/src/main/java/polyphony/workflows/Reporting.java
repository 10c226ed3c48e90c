package polyphony.workflows;

import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.function.Consumer;

/** Has reports kept; a workflow does without one that cannot be. */
final class Reporting {
  /** Runs that began to go this way without reports go on without. */
  private static final String CHANGE = "report";

  private Reporting() {}

  /**
   * Has a report of what there is so far kept, while everything else goes on.
   *
   * @param kept takes it
   * @return kept when that has ended, never with a failure
   */
  static Promise<Void> keep(String name, Consumer<KeptReport> kept) {
    if (Workflow.getVersion(CHANGE, Workflow.DEFAULT_VERSION, 1) == Workflow.DEFAULT_VERSION) {
      return Workflow.newPromise((Void) null);
    }
    return Async.function(StepOptions.extra("write the report")::report, name)
        .handle(
            (report, failure) -> {
              if (failure instanceof TemporalFailure reason) {
                Workflow.getLogger(Reporting.class)
                    .warn(
                        "no report of {}: {}",
                        name,
                        FailureTypes.line(FailureTypes.surfaced(reason)));
              } else if (report != null) {
                kept.accept(report);
              }
              return null;
            });
  }
}
