package polyphony.activities.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NumeralsTest {
  @Test
  void anErrorKeepsADigit() {
    assertThat(Numerals.withError(0.8724, 0.0151)).isEqualTo("0.872 ± 0.015");
    assertThat(Numerals.withError(0.00623, 0.00041)).isEqualTo("0.0062 ± 0.0004");
    assertThat(Numerals.withError(0.000623, 0.000041)).isEqualTo("0.00062 ± 0.00004");
    assertThat(Numerals.withError(1.0, 0.0)).isEqualTo("1.000 ± 0.000");
    assertThat(Numerals.withError(0.0, 0.0)).isEqualTo("0");
    assertThat(Numerals.withError(0.5, null)).isEqualTo("0.500");
    assertThat(Numerals.withError(null, null)).isEqualTo("–");
  }

  @Test
  void amountsAndTimesAreReadable() {
    assertThat(Numerals.count(1234567)).isEqualTo("1\u202f234\u202f567");
    assertThat(Numerals.signed(-0.0321)).isEqualTo("\u22120.032");
    assertThat(Numerals.seconds(42.04)).isEqualTo("42.0 s");
    assertThat(Numerals.seconds(402)).isEqualTo("6 min 42 s");
    assertThat(Numerals.seconds(3 * 3600 + 7 * 60)).isEqualTo("3 h 07 min");
    assertThat(Numerals.time("2026-11-29T19:30:54.123456Z")).isEqualTo("2026-11-29 19:30:54 UTC");
  }
}
