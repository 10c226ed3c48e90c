package polyphony.activities.lm;

/** Token positions {@code from} (included) to {@code to} (excluded). */
public record Span(int from, int to) {
  public Span {
    if (from < 0 || to < from) {
      throw new IllegalArgumentException("not a span: " + from + " to " + to);
    }
  }

  public int length() {
    return to - from;
  }
}
