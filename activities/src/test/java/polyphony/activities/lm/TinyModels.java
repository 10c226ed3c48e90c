package polyphony.activities.lm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import polyphony.activities.pretrain.CompactDialect;

/** Tiny random models in the compact dialect, for tests: seconds become milliseconds. */
public final class TinyModels {
  private TinyModels() {}

  /** Grouped-query attention (6 query, 2 key-value heads of 4), two layers, context 96. */
  public static DecoderConfig config(boolean tiedEmbeddings) {
    int vocabulary = NewLanguageModel.vocabularySize(CompactDialect.ALPHABET);
    return new DecoderConfig(vocabulary, 24, 2, 6, 2, 4, 40, 10000.0, 1e-5, 96, tiedEmbeddings);
  }

  public static LanguageModel untied(Path folder) {
    return random(folder, config(false), 1);
  }

  public static LanguageModel tied(Path folder) {
    return random(folder, config(true), 1);
  }

  /** The standard deviation is large, so that the distributions are far from uniform. */
  public static LanguageModel random(Path folder, DecoderConfig config, long seed) {
    NewLanguageModel.write(
        folder,
        config,
        CompactDialect.ALPHABET,
        CompactDialect.SPECIAL_TOKENS,
        CompactDialect.CHAT_TEMPLATE,
        seed,
        0.3f);
    return LanguageModel.open(folder);
  }

  /** A PEFT folder of an adapter that changes much: no part of it is 0. */
  public static Adapter adapter(Path folder, DecoderConfig base, AdapterConfig config, long seed) {
    Random random = new Random(seed);
    Map<String, FloatBuffer> values = new LinkedHashMap<>();
    Map<String, long[]> shapes = config.weightShapes(base);
    shapes.forEach(
        (name, shape) -> {
          float[] matrix = new float[(int) (shape[0] * shape[1])];
          for (int i = 0; i < matrix.length; i++) {
            matrix[i] = 0.3f * (float) random.nextGaussian();
          }
          values.put(name, FloatBuffer.wrap(matrix));
        });
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    config.write(folder.resolve(Adapter.CONFIG), Optional.empty());
    Weights.write(folder.resolve(Adapter.WEIGHTS), values, shapes, Map.of("format", "pt"));
    return Adapter.open(folder, base);
  }
}
