package polyphony.workers;

import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import polyphony.activities.RunningStep;
import polyphony.storage.ObjectStore;
import polyphony.storage.Worker;
import polyphony.workflows.ExperimentSpec;

/**
 * What a run is made of, beside the Temporal service.
 *
 * @param activities the steps' implementations
 * @param completion fills in a spec as the experiment itself will
 * @param busy knows when a model was at work
 * @param tokens sampled, scored or trained on so far
 * @param running what this process is computing
 * @param worker this process, as steps record it
 * @param slots steps that are computed at the same time
 * @param store where artifacts and finished steps lie
 * @param planning says what an experiment will take
 * @param closing gives everything back
 */
record Parts(
    StepActivities activities,
    Completion completion,
    BusyClock busy,
    LongSupplier tokens,
    Supplier<List<RunningStep>> running,
    Worker worker,
    int slots,
    ObjectStore store,
    Planning planning,
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

  /** Says what an experiment will take. */
  interface Planning {
    /**
     * @throws polyphony.storage.PolyphonyException as the experiment itself where it cannot run
     */
    Planner.Planned plan(String name, ExperimentSpec asked) throws InterruptedException;
  }

  /** What a Temporal service calls this process, such as {@code cpu@node7:4711}. */
  String identity() {
    return worker.device() + "@" + worker.host() + ":" + worker.processId();
  }

  @Override
  public void close() {
    closing.run();
  }
}
