package polyphony.activities.evaluate;

import java.util.List;
import polyphony.activities.debate.Answer;
import polyphony.activities.lm.Encoder;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Tokenizer;

/** The encoder that a spec names as {@code embeddingModel}: it reads an answer's text alone. */
final class AnswerEncoder implements AutoCloseable {
  private final EncoderModel model;
  private final LanguageModelRuntime runtime;
  private final Tokenizer tokenizer;
  private Encoder encoder;

  /**
   * @throws polyphony.storage.PolyphonyException DATA where its tokenizer is broken
   */
  AnswerEncoder(EncoderModel model, LanguageModelRuntime runtime) {
    this.model = model;
    this.runtime = runtime;
    this.tokenizer = model.tokenizer();
  }

  /** The answers as this model reads them. */
  List<int[]> texts(List<Answer> answers) {
    return answers.stream().map(each -> tokenizer.encodeText(each.text())).toList();
  }

  MemoryPlan plan(List<int[]> texts) {
    return MemoryPlan.encoding(
        runtime.arithmetic(), model, texts.stream().mapToInt(each -> each.length).max().orElse(0));
  }

  /**
   * One embedding per text.
   *
   * @throws polyphony.storage.PolyphonyException OUT_OF_MEMORY where a text does not fit
   */
  List<float[]> embeddings(List<int[]> texts) {
    if (encoder == null) {
      runtime.requireRoom(plan(texts));
      encoder = runtime.encoder(model);
    }
    return encoder.embed(texts);
  }

  /** Gives its memory back until it is needed again. */
  void release() {
    if (encoder != null) {
      encoder.close();
      encoder = null;
    }
  }

  @Override
  public void close() {
    try {
      release();
    } finally {
      tokenizer.close();
    }
  }
}
