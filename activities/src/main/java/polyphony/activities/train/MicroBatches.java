package polyphony.activities.train;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;

/**
 * How large the micro-batches of a training are, which none divides below one text.
 *
 * @param steps what each step's texts are
 */
record MicroBatches(List<Texts> steps) {
  /**
   * One step's texts.
   *
   * @param longest tokens of the longest
   * @param trained tokens of all of them that count in the loss
   */
  record Texts(int count, int longest, long trained) {
    /** Tokens of its largest micro-batch, padding included. */
    long largest(int limit) {
      return Math.min((long) count * longest, Math.max(limit, longest));
    }
  }

  MicroBatches {
    steps = List.copyOf(steps);
  }

  static MicroBatches of(TrainingBatches batches) {
    List<Texts> steps = new ArrayList<>();
    for (int step = 0; step < batches.steps(); step++) {
      List<TrainingExample> texts = batches.batch(step);
      steps.add(
          new Texts(
              texts.size(),
              texts.stream().mapToInt(each -> each.tokens().length).max().orElseThrow(),
              texts.stream().mapToLong(TrainingExample::trainedTokens).sum()));
    }
    return new MicroBatches(steps);
  }

  /** Tokens of the largest micro-batch of all steps, where they are bounded by {@code limit}. */
  long largest(int limit) {
    return steps.stream().mapToLong(each -> each.largest(limit)).max().orElseThrow();
  }

  /** The most tokens of a step that count in the loss. */
  long trained() {
    return steps.stream().mapToLong(Texts::trained).max().orElseThrow();
  }

  /** Whether a smaller limit makes the largest micro-batch smaller. */
  boolean divisible(int limit) {
    return largest(limit) > largest(1);
  }

  /** A limit that halves the largest micro-batch, or leaves one text in it. */
  int half(int limit) {
    return Math.toIntExact(Math.max(largest(1), (largest(limit) + 1) / 2));
  }

  /**
   * The limit, halved until it fits.
   *
   * @return one that leaves one text in the largest micro-batch, where none fits
   */
  int fitting(int limit, IntPredicate fits) {
    int fitting = limit;
    while (divisible(fitting) && !fits.test(fitting)) {
      fitting = half(fitting);
    }
    return fitting;
  }
}
