package polyphony.activities.lm;

import java.util.List;

/** Makes vectors of whole texts, of which like ones point the same way. */
public interface Encoder extends AutoCloseable {
  /**
   * One embedding per text, in order: the mean over the text's tokens of the last hidden state
   * after the final norm; length {@code hiddenSize}. A text's embedding depends on those beside it
   * by rounding at most.
   *
   * @param texts token ids as {@link Tokenizer#encodeText} makes them
   * @throws polyphony.storage.PolyphonyException DATA for an empty text or a token id outside the
   *     vocabulary; OUT_OF_MEMORY where a text does not fit
   */
  List<float[]> embed(List<int[]> texts);

  @Override
  void close();
}
