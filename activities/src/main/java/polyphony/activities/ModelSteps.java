package polyphony.activities;

import java.util.Map;
import java.util.function.BooleanSupplier;
import polyphony.storage.StepOutcome;

/** Computes steps that need a model: in this process, or in one of its own. */
public interface ModelSteps {
  /** Versions of what computes, as requests name them. */
  Map<String, String> versions();

  /**
   * Returns the recorded result of a step, or computes it, or waits for whoever is computing it.
   *
   * @param listener follows the computation
   * @param stop turns true when this should end: what is being computed is committed
   * @return without a result where the step is unfinished
   * @throws polyphony.storage.PolyphonyException what went wrong, with its class
   * @throws Exception any other failure of the step
   */
  <Q, R> StepOutcome<R> run(
      ModelStep<Q, R> kind, Q request, StepListener listener, BooleanSupplier stop)
      throws Exception;
}
