package polyphony.activities.plan;

import java.util.function.BooleanSupplier;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Forecast;

/** Forecasts experiments. */
@FunctionalInterface
public interface Forecasting {
  /** Where nobody forecasts anything. */
  Forecasting NONE = (name, spec, stop) -> null;

  /**
   * What an experiment will take from now on.
   *
   * @param stop turns true when nobody waits for it any more
   * @return null where too little was measured to say so
   * @throws polyphony.storage.PolyphonyException as the experiment itself where it cannot run
   */
  Forecast forecast(String name, ExperimentSpec spec, BooleanSupplier stop)
      throws InterruptedException;
}
