package polyphony.activities.lm.onnx;

import java.util.Random;
import java.util.stream.Stream;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.TinyModels;

/** The decoder shapes that differ in what the graph must get right. */
final class Shapes {
  private Shapes() {}

  static Stream<DecoderConfig> all() {
    int vocabulary = TinyModels.config(true).vocabularySize();
    return Stream.of(
        TinyModels.config(true),
        TinyModels.config(false),
        // One key-value head for each query head.
        new DecoderConfig(vocabulary, 16, 2, 4, 4, 4, 24, 10000, 1e-5, 96, true),
        // Heads wider than hidden / heads; another base and epsilon.
        new DecoderConfig(vocabulary, 16, 1, 2, 1, 12, 20, 500, 1e-3, 96, false),
        // Heads narrower than hidden / heads; one key-value head for all; deeper.
        new DecoderConfig(vocabulary, 32, 4, 4, 1, 6, 16, 1e6, 1e-6, 96, true));
  }

  static int[] tokens(DecoderConfig config, int length, Random random) {
    return random.ints(length, 0, config.vocabularySize()).toArray();
  }
}
