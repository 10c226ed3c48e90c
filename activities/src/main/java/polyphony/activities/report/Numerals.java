package polyphony.activities.report;

import java.util.Locale;

/** Numbers as a report prints them. */
final class Numerals {
  static final String ABSENT = "–";

  private Numerals() {}

  /** Three decimals. */
  static String decimals(Double value) {
    return value == null ? ABSENT : String.format(Locale.ROOT, "%.3f", value);
  }

  /** With its sign, and a real minus. */
  static String signed(double value) {
    return String.format(Locale.ROOT, "%+.3f", value).replace('-', '\u2212');
  }

  /**
   * Such as {@code 0.872 ± 0.015}, with more decimals where the error would vanish; {@code 0} where
   * both are exactly that, by construction.
   */
  static String withError(Double value, Double standardError) {
    if (value == null || standardError == null) {
      return decimals(value);
    }
    if (value == 0 && standardError == 0) {
      return "0";
    }
    int places =
        standardError == 0 || standardError >= 0.0005 ? 3 : standardError >= 0.00005 ? 4 : 5;
    String decimals = "%." + places + "f";
    return String.format(Locale.ROOT, decimals + " ± " + decimals, value, standardError);
  }

  /** An amount, with narrow spaces between thousands. */
  static String count(long value) {
    return String.format(Locale.ROOT, "%,d", value).replace(',', '\u202f');
  }

  /** To the nearest whole. */
  static String count(double value) {
    return count(Math.round(value));
  }

  /** Such as {@code 42.0 s}, {@code 6 min 42 s} or {@code 31 h 07 min}. */
  static String seconds(double seconds) {
    long whole = Math.round(seconds);
    if (whole < 60) {
      return String.format(Locale.ROOT, "%.1f s", seconds);
    }
    return whole < 3600
        ? String.format(Locale.ROOT, "%d min %02d s", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%d h %02d min", whole / 3600, whole / 60 % 60);
  }

  /** Such as {@code 500 questions}. */
  static String counted(long count, String one, String many) {
    return count(count) + " " + (count == 1 ? one : many);
  }

  /** Without fractions of seconds. */
  static String time(String iso) {
    return iso.replaceFirst("\\.\\d+Z$", "Z").replace('T', ' ').replaceFirst("Z$", " UTC");
  }
}
