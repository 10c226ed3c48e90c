package polyphony.activities.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * A chart as data, which the page's script draws.
 *
 * @param kind {@code lines} over x, each with its band; {@code path}, points in their order; {@code
 *     intervals}, a value with its interval in each row; {@code bars}, a bar of parts in each row
 * @param title what a person sees above it
 * @param x what the horizontal axis shows
 * @param y what the vertical axis shows; null where it names rows
 * @param whole whether x counts
 * @param series each with a colour of its own
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Chart(String kind, String title, String x, String y, boolean whole, List<Series> series) {
  private static final JsonMapper JSON = new JsonMapper();

  /** As in the style sheet. */
  private static final int COLOURS = 6;

  private static final MathContext DIGITS = new MathContext(6);

  /**
   * @param colour number of its colour, from 1
   * @param dashed whether its line is
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Series(String name, int colour, boolean dashed, List<Point> points) {}

  /**
   * @param label names a point or a row; null where it needs no name
   * @param low lower end of y's interval; null where there is none, as the others
   * @param high its upper end
   * @param left lower end of x's interval
   * @param right its upper end
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Point(
      String label,
      BigDecimal x,
      BigDecimal y,
      BigDecimal low,
      BigDecimal high,
      BigDecimal left,
      BigDecimal right) {
    /** One in a plane, with 95 % intervals from standard errors, which may be null. */
    static Point of(String label, double x, Double errorOfX, double y, Double errorOfY) {
      return new Point(
          label,
          rounded(x),
          rounded(y),
          end(y, errorOfY, -1),
          end(y, errorOfY, 1),
          end(x, errorOfX, -1),
          end(x, errorOfX, 1));
    }

    /** 1 minus y. */
    Point complement() {
      return new Point(label, x, complement(y), complement(high), complement(low), left, right);
    }

    private static BigDecimal complement(BigDecimal share) {
      return share == null ? null : BigDecimal.ONE.subtract(share);
    }

    /** One in a row, with its interval. */
    static Point row(String label, double x, double low, double high) {
      return new Point(label, rounded(x), null, null, null, rounded(low), rounded(high));
    }

    /** The part of a bar. */
    static Point part(String label, double x) {
      return new Point(label, rounded(x), null, null, null, null, null);
    }
  }

  /** Whether a colour of this number has been there before. */
  static boolean repeats(int colour) {
    return (colour - 1) / COLOURS % 2 == 1;
  }

  private static BigDecimal rounded(double value) {
    return BigDecimal.valueOf(value).round(DIGITS).stripTrailingZeros();
  }

  private static BigDecimal end(double value, Double standardError, int sign) {
    return standardError == null
        ? null
        : rounded(value + sign * ExperimentReader.QUANTILE * standardError);
  }

  /** In the form that the script reads. */
  String json() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot write a chart as JSON", e);
    }
  }
}
