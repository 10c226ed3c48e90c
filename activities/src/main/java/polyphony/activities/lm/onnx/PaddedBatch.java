package polyphony.activities.lm.onnx;

import java.util.Arrays;
import java.util.List;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.RotaryPositions;
import polyphony.activities.lm.TokenIds;
import polyphony.storage.PolyphonyException;

/**
 * Token rows of different lengths as one rectangle.
 *
 * @param ids [rows * columns]; padding is token 0, which no token sees
 * @param padding [rows]: columns of a row that hold no token
 */
record PaddedBatch(long[] ids, long[] padding, int rows, int columns, Side side) {

  /** Where the columns without tokens are. */
  enum Side {
    LEFT,
    RIGHT
  }

  static PaddedBatch of(List<int[]> rows, Side side) {
    int columns = rows.stream().mapToInt(row -> row.length).max().orElseThrow();
    long[] ids = new long[Math.multiplyExact(rows.size(), columns)];
    long[] padding = new long[rows.size()];
    for (int row = 0; row < rows.size(); row++) {
      int[] tokens = rows.get(row);
      int missing = columns - tokens.length;
      padding[row] = missing;
      int start = side == Side.LEFT ? missing : 0;
      for (int i = 0; i < tokens.length; i++) {
        ids[row * columns + start + i] = tokens[i];
      }
    }
    return new PaddedBatch(ids, padding, rows.size(), columns, side);
  }

  /** The place among all columns, row after row, of a row's first token. */
  long start(int row) {
    return (long) row * columns + (side == Side.LEFT ? padding[row] : 0);
  }

  /**
   * Where in the rotary tables each row's regime begins.
   *
   * @param positions of each regime, in the tables
   */
  long[] firstRows(RotaryPositions rotary, int positions) {
    return Arrays.stream(padding)
        .map(missing -> (long) rotary.regime(columns - (int) missing) * positions)
        .toArray();
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
