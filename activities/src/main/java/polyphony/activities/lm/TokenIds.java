package polyphony.activities.lm;

import polyphony.storage.PolyphonyException;

/** Token ids that are to go into a model. */
public final class TokenIds {
  private TokenIds() {}

  /**
   * Checks what the graphs take for granted.
   *
   * @param what names the tokens in the error, such as {@code prompt 3}
   * @throws PolyphonyException DATA where there is none, or one that the model does not have
   */
  public static void require(int vocabularySize, int[] tokens, String what) {
    if (tokens.length == 0) {
      throw PolyphonyException.data(what + " is empty; at least one token is needed");
    }
    for (int token : tokens) {
      if (token < 0 || token >= vocabularySize) {
        throw PolyphonyException.data(
            what
                + " holds token id "
                + token
                + "; the model's vocabulary has "
                + vocabularySize
                + ": is this the model's own tokenizer?");
      }
    }
  }
}
