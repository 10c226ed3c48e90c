package polyphony.activities.lm.onnx;

import java.util.Arrays;
import java.util.List;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.RotaryPositions;
import polyphony.storage.PolyphonyException;

/**
 * Token rows of different lengths as one rectangle, padded on the left.
 *
 * @param ids [rows * columns]; padding is token 0, which the mask hides
 * @param padding [rows]: columns before a row's first token
 */
record PaddedBatch(long[] ids, long[] padding, int rows, int columns) {

  static PaddedBatch of(List<int[]> rows) {
    int columns = rows.stream().mapToInt(row -> row.length).max().orElseThrow();
    long[] ids = new long[Math.multiplyExact(rows.size(), columns)];
    long[] padding = new long[rows.size()];
    for (int row = 0; row < rows.size(); row++) {
      int[] tokens = rows.get(row);
      int start = columns - tokens.length;
      padding[row] = start;
      for (int i = 0; i < tokens.length; i++) {
        ids[row * columns + start + i] = tokens[i];
      }
    }
    return new PaddedBatch(ids, padding, rows.size(), columns);
  }

  /** Each row's regime of rotary positions. */
  long[] regimes(RotaryPositions rotary) {
    return Arrays.stream(padding).map(before -> rotary.regime(columns - (int) before)).toArray();
  }

  /**
   * Checks what the graph takes for granted.
   *
   * @param what names the row in the error, such as {@code prompt 3}
   * @throws PolyphonyException DATA
   */
  static void check(DecoderConfig config, int[] tokens, String what) {
    check(config.vocabularySize(), config.maxPositions(), tokens, what);
  }

  static void check(int vocabularySize, int maxPositions, int[] tokens, String what) {
    if (tokens.length == 0) {
      throw PolyphonyException.data(what + " is empty; at least one token is needed");
    }
    if (tokens.length > maxPositions) {
      throw PolyphonyException.data(
          what + " has " + tokens.length + " tokens; the model's context holds " + maxPositions);
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
