package polyphony.activities.debate;

import polyphony.activities.lm.ChatFormat;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Tokenizer;

/**
 * A language model that takes part in a debate. Its weights are loaded when it first speaks: an
 * attempt that finds everything sampled needs the tokenizer alone.
 */
final class Speaker implements AutoCloseable {
  private final LanguageModel model;
  private final LanguageModelRuntime runtime;
  private final Tokenizer tokenizer;
  private final ChatFormat format;
  private Sampler sampler;

  Speaker(LanguageModel model, LanguageModelRuntime runtime) {
    this.model = model;
    this.runtime = runtime;
    this.tokenizer = model.tokenizer();
    this.format = model.chatFormat(tokenizer);
  }

  Tokenizer tokenizer() {
    return tokenizer;
  }

  ChatFormat format() {
    return format;
  }

  /** Tokens of the longest conversation, answer included. */
  int context() {
    return model.config().maxPositions();
  }

  Sampler sampler() {
    if (sampler == null) {
      sampler = runtime.sampler(model);
    }
    return sampler;
  }

  @Override
  public void close() {
    try {
      if (sampler != null) {
        sampler.close();
      }
    } finally {
      tokenizer.close();
    }
  }
}
