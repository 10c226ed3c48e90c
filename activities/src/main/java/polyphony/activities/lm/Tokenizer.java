package polyphony.activities.lm;

/** Text to token ids and back. Safe for use by several threads. */
public interface Tokenizer extends AutoCloseable {
  /**
   * The token ids of {@code text}; markers such as {@code <|eot_id|>} become their special token.
   */
  int[] encode(String text);

  /**
   * The token ids of {@code text} as a whole, with the special tokens that the model's tokenizer
   * puts around one, such as a start token.
   */
  int[] encodeText(String text);

  /** The text of {@code tokens}, special tokens left out. */
  String decode(int[] tokens);

  /** How many ids there are, added tokens included: every id is below this. */
  int vocabularySize();

  @Override
  void close();
}
