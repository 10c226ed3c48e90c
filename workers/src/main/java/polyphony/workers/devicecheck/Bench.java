package polyphony.workers.devicecheck;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.RandomModel;

/**
 * What a part works with.
 *
 * @param assignment what it was told
 * @param reference computes in 32-bit floats on the CPU, as the tests hold it against transformers
 * @param subject what is looked at
 */
record Bench(Assignment assignment, LanguageModelRuntime reference, Subject subject) {

  /** The model of a shape; written where no part has done so before. */
  LanguageModel model(ModelShape shape) {
    return RandomModel.write(
        assignment.scratch().resolve(shape.name()), shape.config().deepCopy(), 1);
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
