package polyphony.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CanonicalJsonTest {
  @Test
  void theExampleOfTheStandardComesOutByteForByte() throws Exception {
    // RFC 8785, section 3.2.2 and 3.2.4.
    String input =
        """
        {
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
          "literals": [null, true, false]
        }
        """;
    assertThat(CanonicalJson.string(new ObjectMapper().readTree(input)))
        .isEqualTo(
            "{\"literals\":[null,true,false],"
                + "\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
                + "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  }

  @Test
  void fieldsAreSortedByUtf16UnitsAsInTheStandardsExample() throws Exception {
    // RFC 8785, section 3.2.3.
    String input =
        "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew\","
            + "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji\",\"\\u0080\":\"Control\","
            + "\"\\u00f6\":\"Latin\"}";
    assertThat(CanonicalJson.string(new ObjectMapper().readTree(input)))
        .isEqualTo(
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin\","
                + "\"€\":\"Euro Sign\",\"\ud83d\ude00\":\"Emoji\",\"\ufb33\":\"Hebrew\"}");
  }

  /** RFC 8785, appendix B: the bits of an IEEE double and their JSON. */
  @ParameterizedTest
  @CsvSource({
    "0000000000000000, 0",
    "8000000000000000, 0",
    "0000000000000001, 5e-324",
    "8000000000000001, -5e-324",
    "7fefffffffffffff, 1.7976931348623157e+308",
    "ffefffffffffffff, -1.7976931348623157e+308",
    "4340000000000000, 9007199254740992",
    "c340000000000000, -9007199254740992",
    "4430000000000000, 295147905179352830000",
    "44b52d02c7e14af5, 9.999999999999997e+22",
    "44b52d02c7e14af6, 1e+23",
    "44b52d02c7e14af7, 1.0000000000000001e+23",
    "444b1ae4d6e2ef4e, 999999999999999700000",
    "444b1ae4d6e2ef4f, 999999999999999900000",
    "444b1ae4d6e2ef50, 1e+21",
    "3eb0c6f7a0b5ed8c, 9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d, 0.000001",
    "41b3de4355555553, 333333333.3333332",
    "41b3de4355555554, 333333333.33333325",
    "41b3de4355555555, 333333333.3333333",
    "41b3de4355555556, 333333333.3333334",
    "41b3de4355555557, 333333333.33333343",
    "becbf647612f3696, -0.0000033333333333333333",
    "43143ff3c1cb0959, 1424953923781206.2"
  })
  void numbersAreWrittenAsTheStandardsAppendixSays(String bits, String json) {
    double value = Double.longBitsToDouble(Long.parseUnsignedLong(bits, 16));
    assertThat(CanonicalJson.string(value)).isEqualTo(json);
    assertThat(CanonicalJson.string(List.of(value))).isEqualTo("[" + json + "]");
  }

  record Sampling(double temperature, float topP, Integer maximum, Optional<String> stop) {}

  @Test
  void recordsAreWrittenWithoutFieldsThatAreNullOrEmpty() {
    assertThat(CanonicalJson.string(new Sampling(1, 0.9f, null, Optional.empty())))
        .isEqualTo("{\"temperature\":1,\"topP\":0.9}");
    assertThat(CanonicalJson.string(new Sampling(0.7, 1, 5, Optional.of("end"))))
        .isEqualTo("{\"maximum\":5,\"stop\":\"end\",\"temperature\":0.7,\"topP\":1}");
    assertThat(CanonicalJson.string(Arrays.asList(1, null))).isEqualTo("[1,null]");
  }

  @Test
  void theOrderOfFieldsDoesNotMatter() {
    Map<String, Object> one = new LinkedHashMap<>();
    one.put("b", 1);
    one.put("a", Map.of("x", true));
    Map<String, Object> other = new LinkedHashMap<>();
    other.put("a", Map.of("x", true));
    other.put("b", 1.0);
    assertThat(CanonicalJson.sha256(one))
        .isEqualTo(CanonicalJson.sha256(other))
        .isEqualTo(Sha256.of("{\"a\":{\"x\":true},\"b\":1}".getBytes(UTF_8)));
  }

  @Test
  void numbersThatWouldShareAKeyWithTheirNeighboursAreRefused() {
    assertThat(CanonicalJson.string(1L << 53)).isEqualTo("9007199254740992");
    for (Object value :
        List.<Object>of(
            Double.NaN,
            Float.NEGATIVE_INFINITY,
            (1L << 53) + 1,
            Long.MIN_VALUE,
            "half a \ud83d pair")) {
      assertThatThrownBy(() -> CanonicalJson.bytes(Map.of("seeds", List.of(value))))
          .isInstanceOf(PolyphonyException.class)
          .hasMessageContaining("$.seeds[0]");
    }
  }

  @Test
  void whatHasNoJsonFormIsADefectThatNamesItsType() {
    assertThatThrownBy(() -> CanonicalJson.bytes(new Object()))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.BUG))
        .hasMessageContaining("java.lang.Object");
    assertThatThrownBy(() -> CanonicalJson.bytes(Map.of("when", java.time.Instant.EPOCH)))
        .isInstanceOf(PolyphonyException.class);
  }
}
