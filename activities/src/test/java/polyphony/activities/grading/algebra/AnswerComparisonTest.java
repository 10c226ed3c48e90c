package polyphony.activities.grading.algebra;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.activities.grading.Grader;
import polyphony.activities.grading.Graders;
import polyphony.activities.grading.Verdict;

class AnswerComparisonTest {
  record Pair(Verdict verdict, String one, String other) {}

  static List<Pair> pairs() throws IOException {
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                AnswerComparisonTest.class.getResourceAsStream(
                    "/polyphony/activities/grading/pairs.tsv"),
                StandardCharsets.UTF_8))) {
      return reader
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> line.split("\t", -1))
          .map(part -> new Pair(verdict(part[0]), part[1], part[2]))
          .toList();
    }
  }

  private static Verdict verdict(String label) {
    return List.of(Verdict.values()).stream()
        .filter(each -> each.label().equals(label))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void answersAreTheSameWhateverTheirNotation(Pair pair) {
    Grader grader = Graders.of("math", "default", "default");
    String one = grader.read(pair.one()).orElseThrow();
    String other = grader.read(pair.other()).orElseThrow();
    assertThat(AnswerComparison.compare(one, other)).isEqualTo(pair.verdict());
    assertThat(AnswerComparison.compare(other, one)).isEqualTo(pair.verdict());
  }

  @Test
  void largeNumbersAreComparedToTheLastDigit() {
    String large = "9".repeat(900);
    assertThat(AnswerComparison.compare(large, large.substring(1) + "8"))
        .isEqualTo(Verdict.DIFFERENT);
    assertThat(AnswerComparison.compare("10^{900}-1", large)).isEqualTo(Verdict.EQUAL);
    assertThat(AnswerComparison.compare("10^{900}", large)).isEqualTo(Verdict.DIFFERENT);
  }

  @Test
  void aRoundedNumberIsWhatItRoundsToAndCloseToIt() {
    assertThat(AnswerComparison.compare("4.1231", "\\sqrt{17}")).isEqualTo(Verdict.EQUAL);
    assertThat(AnswerComparison.compare("4.1232", "\\sqrt{17}")).isEqualTo(Verdict.DIFFERENT);
    assertThat(AnswerComparison.compare("4.12", "\\sqrt{17}")).isEqualTo(Verdict.DIFFERENT);
    assertThat(AnswerComparison.compare("16386.17", "16386.20")).isEqualTo(Verdict.DIFFERENT);
  }

  @Test
  void anExpressionIsIdenticalToAnotherWithoutAllowances() {
    assertThat(AnswerComparison.identical("2sqrt(3)", "sqrt(12)")).isTrue();
    assertThat(AnswerComparison.identical("x^2+2x+1", "(x+1)^2")).isTrue();
    assertThat(AnswerComparison.identical("0.3333", "1/3")).isFalse();
    assertThat(AnswerComparison.identical("1,2", "2,1")).isFalse();
    assertThat(AnswerComparison.identical("(", "(")).isFalse();
  }
}
