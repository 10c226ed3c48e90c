package polyphony.workers.devicecheck;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.RandomModel;
import polyphony.workers.ProcessMemory;

/**
 * What a part works with.
 *
 * @param assignment what it was told
 * @param reference computes in 32-bit floats on the CPU, as the tests hold it against transformers
 * @param subject what is looked at
 * @param tolerance how far it may be from the reference
 */
record Bench(
    Assignment assignment,
    LanguageModelRuntime reference,
    LanguageModelRuntime subject,
    Tolerance tolerance) {

  /** The model of a shape; written where no part has done so before. */
  LanguageModel model(ModelShape shape) {
    Path folder = assignment.scratch().resolve(shape.name());
    return RandomModel.write(folder, shape.config(), 1);
  }

  /** Whether the device computes in 16-bit floats. */
  boolean halves() {
    return tolerance.equals(Tolerance.BFLOAT16);
  }

  /** Bytes of a weight and of a number in the cache, where nothing is trained. */
  int elementBytes() {
    return halves() ? 2 : Float.BYTES;
  }

  /** The most memory of the device that was taken so far; null where nobody tells. */
  Long peakBytes() {
    return ProcessMemory.peakBytes();
  }

  /** {@code count} texts of random tokens. */
  static List<int[]> texts(LanguageModel model, int count, int least, int most) {
    SplittableRandom random = new SplittableRandom(count + most);
    List<int[]> texts = new ArrayList<>();
    for (int text = 0; text < count; text++) {
      int length = random.nextInt(least, most + 1);
      texts.add(random.ints(length, 0, model.config().vocabularySize()).toArray());
    }
    return texts;
  }
}
