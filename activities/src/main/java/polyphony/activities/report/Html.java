package polyphony.activities.report;

import java.util.List;
import java.util.Locale;

/**
 * HTML as it is written, from its start to its end. Text and attributes' values are escaped here
 * and nowhere else: there is no way to write markup that comes from outside.
 */
final class Html {
  private final StringBuilder written = new StringBuilder();

  /**
   * A cell of a table.
   *
   * @param text untrusted
   * @param kind class of the cell: empty, {@code number} or {@code hash}
   */
  record Cell(String text, String kind) {
    static Cell text(String text) {
      return new Cell(text, "");
    }

    static Cell number(String text) {
      return new Cell(text, "number");
    }

    /** A SHA-256; null where there is none. */
    static Cell hash(String sha256) {
      return new Cell(sha256 == null ? Numerals.ABSENT : sha256, "hash");
    }
  }

  /**
   * @param attributes names and values in turn
   */
  Html open(String tag, String... attributes) {
    written.append('<').append(tag);
    for (int i = 0; i < attributes.length; i += 2) {
      written.append(' ').append(attributes[i]).append("=\"");
      escape(attributes[i + 1]);
      written.append('"');
    }
    written.append('>');
    return this;
  }

  Html close(String tag) {
    written.append("</").append(tag).append(">\n");
    return this;
  }

  /** Text within a line. */
  Html text(String text) {
    escape(text);
    return this;
  }

  /** An element that holds text alone. */
  Html element(String tag, String text, String... attributes) {
    open(tag, attributes);
    escape(text);
    written.append("</").append(tag).append('>');
    if (!tag.equals("code") && !tag.equals("span") && !tag.equals("strong")) {
      written.append('\n');
    }
    return this;
  }

  /**
   * What is trusted, since it comes with this program: a style sheet or a script.
   *
   * @throws IllegalArgumentException where it would end its element early
   */
  Html own(String tag, String content) {
    if (content.contains("</") && content.toLowerCase(Locale.ROOT).contains("</" + tag)) {
      throw new IllegalArgumentException("it holds the end of a " + tag + " element");
    }
    written.append('<').append(tag).append('>').append(content).append("</").append(tag);
    written.append(">\n");
    return this;
  }

  /** What was written elsewhere. */
  Html append(Html other) {
    written.append(other.written);
    return this;
  }

  /** A SHA-256, whole; null where it is not known. */
  Html hash(String sha256) {
    return sha256 == null ? text("not known") : element("code", sha256, "class", "hash");
  }

  /**
   * A table that scrolls by itself where it is wider than the window. The first column names the
   * rows.
   *
   * @param id of it
   * @param caption what it shows; beside the table, since it is to be read without scrolling
   */
  Html table(String id, String caption, List<String> heads, List<List<Cell>> rows) {
    open("div", "class", "table", "id", id);
    element("p", caption, "class", "caption", "id", id + "-caption");
    open(
        "div",
        "class",
        "scroll",
        "tabindex",
        "0",
        "role",
        "region",
        "aria-labelledby",
        id + "-caption");
    open("table", "aria-labelledby", id + "-caption");
    open("thead").open("tr");
    for (int i = 0; i < heads.size(); i++) {
      boolean text = rows.isEmpty() || !rows.get(0).get(i).kind().equals("number");
      element("th", heads.get(i), "scope", "col", "class", text ? "" : "number");
    }
    close("tr").close("thead").open("tbody");
    for (List<Cell> row : rows) {
      open("tr");
      for (int i = 0; i < row.size(); i++) {
        cell(row.get(i), i == 0);
      }
      close("tr");
    }
    return close("tbody").close("table").close("div").close("div");
  }

  private void cell(Cell cell, boolean names) {
    String tag = names ? "th" : "td";
    if (names) {
      open(tag, "scope", "row");
    } else {
      open(tag, "class", cell.kind());
    }
    if (cell.kind().equals("hash") && !cell.text().equals(Numerals.ABSENT)) {
      hash(cell.text());
    } else {
      text(cell.text());
    }
    written.append("</").append(tag).append(">\n");
  }

  private void escape(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> written.append("&amp;");
        case '<' -> written.append("&lt;");
        case '>' -> written.append("&gt;");
        case '"' -> written.append("&quot;");
        case '\'' -> written.append("&#39;");
        case '\n', '\t' -> written.append(c);
        // Others are no characters of an HTML document.
        default -> written.append(Character.isISOControl(c) || isHalf(text, i) ? '\uFFFD' : c);
      }
    }
  }

  /** Whether a surrogate has no other half. */
  private static boolean isHalf(String text, int i) {
    char c = text.charAt(i);
    if (Character.isHighSurrogate(c)) {
      return i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1));
    }
    return Character.isLowSurrogate(c)
        && (i == 0 || !Character.isHighSurrogate(text.charAt(i - 1)));
  }

  @Override
  public String toString() {
    return written.toString();
  }
}
