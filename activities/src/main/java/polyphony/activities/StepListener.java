package polyphony.activities;

import java.util.function.LongSupplier;

/** Follows the computation of a step. May be called from several threads. */
public interface StepListener extends StepProgress {
  /**
   * An attempt has begun.
   *
   * @param commits how many commits it has made, whenever asked
   */
  void began(LongSupplier commits);
}
