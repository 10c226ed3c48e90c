package polyphony.activities.lm.onnx;

import java.util.Arrays;
import java.util.List;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.RotaryPositions;
import polyphony.activities.lm.TokenIds;
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
   * Checks a text of a model with this context.
   *
   * @param what names the row in the error, such as {@code prompt 3}
   * @throws PolyphonyException DATA
   */
  static void check(DecoderConfig config, int[] tokens, String what) {
    TokenIds.require(config.vocabularySize(), tokens, what);
    if (tokens.length > config.maxPositions()) {
      throw PolyphonyException.data(
          what
              + " has "
              + tokens.length
              + " tokens; the model's context holds "
              + config.maxPositions());
    }
  }
}
