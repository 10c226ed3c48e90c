package polyphony.activities.evaluate;

import java.util.List;
import polyphony.activities.debate.Answer;
import polyphony.activities.lm.Encoder;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.LanguageModelRuntime;
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

  /**
   * One embedding per answer.
   *
   * @throws polyphony.storage.PolyphonyException OUT_OF_MEMORY where a text does not fit
   */
  List<float[]> embeddings(List<Answer> answers) {
    List<int[]> texts = answers.stream().map(each -> tokenizer.encodeText(each.text())).toList();
    if (encoder == null) {
      encoder = runtime.encoder(model);
    }
    return encoder.embed(texts);
  }

  @Override
  public void close() {
    try {
      if (encoder != null) {
        encoder.close();
      }
    } finally {
      tokenizer.close();
    }
  }
}
