package polyphony.activities.lm.onnx;

import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.RotaryPositions;
import polyphony.activities.lm.RotaryScaling;
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
        new DecoderConfig(vocabulary, 32, 4, 4, 1, 6, 16, 1e6, 1e-6, 96, true),
        // Heads that grouped attention takes, where it turns them itself and where it does not.
        wide(16),
        new DecoderConfig(vocabulary, 24, 2, 6, 2, 8, 40, 10000, 1e-5, 96, false),
        varied());
  }

  /** Grouped-query attention with heads of this size. */
  static DecoderConfig wide(int headSize) {
    int vocabulary = TinyModels.config(true).vocabularySize();
    return new DecoderConfig(vocabulary, 32, 2, 4, 2, headSize, 40, 10000, 1e-5, 96, true);
  }

  /** Capped scores, windows in some layers, part of a head turned, norms with an offset. */
  static DecoderConfig varied() {
    DecoderConfig base = wide(32);
    return new DecoderConfig(
        base.vocabularySize(),
        base.hiddenSize(),
        3,
        base.heads(),
        base.keyValueHeads(),
        base.headSize(),
        base.intermediateSize(),
        new RotaryPositions(16, 10000, new RotaryScaling.None(), false),
        new DecoderConfig.Attention(0.3, 4, List.of(5, DecoderConfig.WHOLE_TEXT, 1)),
        base.block(),
        1.5,
        base.normEpsilon(),
        8,
        base.maxPositions(),
        base.tiedEmbeddings(),
        base.paddingToken(),
        base.untrainable());
  }

  /** A random model of any of these shapes. */
  static LanguageModel random(Path folder, DecoderConfig config, long seed) {
    DecoderConfig plain =
        new DecoderConfig(
            config.vocabularySize(),
            config.hiddenSize(),
            config.layers(),
            config.heads(),
            config.keyValueHeads(),
            config.headSize(),
            config.intermediateSize(),
            config.rotary().theta(),
            config.normEpsilon(),
            config.maxPositions(),
            config.tiedEmbeddings());
    LanguageModel model = TinyModels.random(folder, plain, seed);
    return new LanguageModel(model.folder(), config, model.weights(), model.endTokens());
  }

  /** The variants that the processor runs in 32-bit floats. */
  static List<GraphVariant> variants() {
    return List.of(
        GraphVariant.CPU,
        new GraphVariant(GraphVariant.Attention.GROUPED, GraphVariant.Precision.FLOAT32));
  }

  static int[] tokens(DecoderConfig config, int length, Random random) {
    return random.ints(length, 0, config.vocabularySize()).toArray();
  }
}
