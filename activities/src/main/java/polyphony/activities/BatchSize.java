package polyphony.activities;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntPredicate;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * How much a model is given at a time. It is halved, for good, where that does not fit into memory.
 */
public final class BatchSize {
  private final Runnable halved;
  private int most;

  /**
   * @param most pieces of work at a time; {@link Integer#MAX_VALUE} where nothing bounds them
   * @param halved told every time
   */
  public BatchSize(int most, Runnable halved) {
    this.most = most;
    this.halved = halved;
  }

  /** Pieces of work at a time, at most. */
  public int most() {
    return most;
  }

  /**
   * Halves it before anything is tried, until what is planned fits. Nothing changes where not even
   * one piece would.
   *
   * @param full pieces of the largest batch there is
   */
  public void fit(int full, IntPredicate fits) {
    int fitting = Math.min(most, full);
    int times = 0;
    while (fitting > 1 && !fits.test(fitting)) {
      fitting = half(fitting);
      times++;
    }
    if (times > 0 && fits.test(fitting)) {
      most = fitting;
      for (int i = 0; i < times; i++) {
        halved.run();
      }
    }
  }

  /**
   * Does the work in batches. One that does not fit is done in halves, and so is what comes later.
   *
   * @param work gives as many results as it is given pieces
   * @throws PolyphonyException OUT_OF_MEMORY where one piece alone does not fit
   */
  public <T, R> List<R> inBatches(List<T> pieces, Function<List<T>, List<R>> work) {
    List<R> results = new ArrayList<>();
    while (results.size() < pieces.size()) {
      int size = Math.min(most, pieces.size() - results.size());
      List<T> batch = pieces.subList(results.size(), results.size() + size);
      try {
        results.addAll(work.apply(batch));
      } catch (PolyphonyException e) {
        if (e.errorClass() != ErrorClass.OUT_OF_MEMORY || size == 1) {
          throw e;
        }
        most = half(size);
        halved.run();
      }
    }
    return results;
  }

  private static int half(int size) {
    return (size + 1) / 2;
  }
}
