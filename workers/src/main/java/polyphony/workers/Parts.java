package polyphony.workers;

import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import polyphony.activities.RunningStep;
import polyphony.workflows.ExperimentSpec;

/**
 * What a run is made of, beside the Temporal service.
 *
 * @param activities the steps' implementations
 * @param completion fills in a spec as the experiment itself will
 * @param busy knows when a model was at work
 * @param tokens sampled, scored or trained on so far
 * @param running what this process is computing
 * @param closing gives everything back
 */
record Parts(
    StepActivities activities,
    Completion completion,
    BusyClock busy,
    LongSupplier tokens,
    Supplier<List<RunningStep>> running,
    Runnable closing)
    implements AutoCloseable {

  /** Fills in a spec's open fields. */
  interface Completion {
    /**
     * @throws polyphony.storage.PolyphonyException CONFIG or DATA where the spec or the base model
     *     cannot be used
     */
    ExperimentSpec complete(ExperimentSpec spec);
  }

  @Override
  public void close() {
    closing.run();
  }
}
