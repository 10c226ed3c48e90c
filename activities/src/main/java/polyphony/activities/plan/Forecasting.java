package polyphony.activities.plan;

import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Forecast;

/** Forecasts experiments. */
@FunctionalInterface
public interface Forecasting {
  /** Where nobody forecasts anything. */
  Forecasting NONE = (name, spec) -> null;

  /**
   * What an experiment will take from now on.
   *
   * @return null where too little was measured to say so
   * @throws polyphony.storage.PolyphonyException as the experiment itself where it cannot run
   */
  Forecast forecast(String name, ExperimentSpec spec) throws InterruptedException;
}
