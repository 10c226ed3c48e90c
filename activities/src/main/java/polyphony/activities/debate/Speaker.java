package polyphony.activities.debate;

import polyphony.activities.lm.ChatFormat;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
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

  /**
   * @param rows prompts of the largest batch that there will be
   * @param promptTokens of the longest of them
   * @throws polyphony.storage.PolyphonyException OUT_OF_MEMORY where it could not be sampled
   */
  Sampler sampler(int rows, int promptTokens, int maxNewTokens) {
    if (sampler == null) {
      int room = Math.max(1, Math.min(maxNewTokens, context() - promptTokens));
      runtime.requireRoom(
          MemoryPlan.sampling(runtime.arithmetic(), model, rows, promptTokens, room));
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
