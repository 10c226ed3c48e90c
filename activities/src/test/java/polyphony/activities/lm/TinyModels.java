package polyphony.activities.lm;

import java.nio.file.Path;
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
}
