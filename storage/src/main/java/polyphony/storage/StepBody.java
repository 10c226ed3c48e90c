package polyphony.storage;

import java.util.Optional;

/** The work of a step. */
@FunctionalInterface
public interface StepBody<R> {
  /**
   * Computes the result, continuing after the commits of earlier attempts.
   *
   * @return empty if the work is not finished: what was committed is kept, and the next run
   *     continues from there
   */
  Optional<R> compute(StepAttempt attempt) throws Exception;
}
