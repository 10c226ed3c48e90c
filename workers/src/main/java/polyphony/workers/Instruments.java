package polyphony.workers;

import java.time.Duration;
import java.util.function.UnaryOperator;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.train.TrainStep;
import polyphony.storage.ObjectStore;

/**
 * What somebody who watches a worker from within puts around its parts.
 *
 * @param runtime around what samples, scores and trains
 * @param steps around the store as memoised steps see it: claims, commits and results
 * @param commitInterval how often trainings commit
 * @param child main class of the processes of steps, where those are isolated: calls {@link
 *     StepMain#serve}, with these instruments or others
 */
public record Instruments(
    UnaryOperator<LanguageModelRuntime> runtime,
    UnaryOperator<ObjectStore> steps,
    Duration commitInterval,
    Class<?> child) {
  /** Nobody watches. */
  public static final Instruments NONE =
      new Instruments(
          UnaryOperator.identity(),
          UnaryOperator.identity(),
          TrainStep.COMMIT_INTERVAL,
          StepMain.class);
}
