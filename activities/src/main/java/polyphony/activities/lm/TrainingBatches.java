package polyphony.activities.lm;

import java.util.List;

/**
 * The data of one training, by optimizer step. A pure function of the step number, so that a
 * training resumes exactly from the number of steps already done.
 */
public interface TrainingBatches {
  /** Optimizer steps in all. */
  int steps();

  /** The examples of step {@code step}, {@code 0 <= step < steps()}. Never empty. */
  List<TrainingExample> batch(int step);

  /** The same examples in each of {@code steps} steps. */
  static TrainingBatches repeated(List<TrainingExample> examples, int steps) {
    return new TrainingBatches() {
      @Override
      public int steps() {
        return steps;
      }

      @Override
      public List<TrainingExample> batch(int step) {
        return examples;
      }
    };
  }
}
