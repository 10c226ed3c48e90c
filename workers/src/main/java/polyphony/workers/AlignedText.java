package polyphony.workers;

import java.util.List;

/** Rows of cells as aligned columns. */
public final class AlignedText {
  private AlignedText() {}

  /**
   * One line per row, the first column to the left, the others to the right; ends with a line
   * break.
   *
   * @param rows all of the same length
   */
  public static String of(List<List<String>> rows) {
    int[] widths = new int[rows.get(0).size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        String pad = " ".repeat(widths[i] - row.get(i).length());
        // The first column is read as a label, the others as numbers.
        line.append(i == 0 ? "" : "  ").append(i == 0 ? row.get(i) + pad : pad + row.get(i));
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }
}
