package polyphony.activities.grading.algebra;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import polyphony.activities.grading.Grader;
import polyphony.activities.grading.Graders;
import polyphony.activities.grading.Verdict;

/** Answers that were made to cost time or memory cost little of either. */
class HostileAnswersTest {
  /** Far more than all cases together take on a busy machine: it ends what would hang. */
  private static final Duration HANGING = Duration.ofMinutes(10);

  private static final List<String> PARTS =
      List.of(
          "{",
          "}",
          "(",
          ")",
          "[",
          "]",
          "\\{",
          "\\}",
          "\\frac",
          "\\sqrt",
          "\\boxed{",
          "^",
          "_",
          "!",
          "1",
          "2",
          "99",
          "0.5",
          "x",
          "y",
          "e",
          "i",
          "+",
          "-",
          "*",
          "/",
          "=",
          "<",
          "\\leq",
          ",",
          ";",
          " ",
          "|",
          "\\left",
          "\\right",
          "\\pm",
          "\\cup",
          "\\text{",
          "\\begin{pmatrix}",
          "\\end{pmatrix}",
          "&",
          "\\\\",
          "\\",
          "$",
          "%",
          "\\binom",
          "\\log_",
          "\\sin",
          "10^{10}",
          "\\infty",
          "and",
          "answer is ",
          "Final Answer: ",
          "\n",
          "**",
          "####",
          ":",
          "..",
          "é",
          "日",
          "\\overline{3}",
          "0.",
          "\\text{h}",
          "\\mathrm{",
          "cm",
          "percent",
          "degrees",
          "million",
          "\\circ",
          "\\mathbb{R}",
          "\\in",
          "\\begin{array}{c}",
          "\\end{array}",
          "two words",
          "_{3}",
          "\\approx");

  static List<String> hostile() {
    int many = 20_000;
    List<String> hostile =
        new ArrayList<>(
            List.of(
                "{".repeat(many),
                "}".repeat(many),
                "(".repeat(900) + "1" + ")".repeat(900),
                "\\frac{".repeat(300) + "1" + "}{2}".repeat(300),
                "\\sqrt{".repeat(280) + "2" + "}".repeat(280),
                "10^10^10",
                "10^{10^{10}}",
                "9^{9^{9^{9^9}}}",
                "((((9^9)^9)^9)^9)^9",
                "2^{1999}*".repeat(200) + "1",
                "999999!",
                "300!!!!!",
                "(300!)^{300!}",
                "\\binom{1000}{500}".repeat(100),
                "\\binom{10^9}{10^8}",
                "1" + "0".repeat(1_900),
                "1e9999",
                "1e-9999",
                "0." + "0".repeat(1_500) + "1",
                "\\pm".repeat(600) + "1",
                "1\\pm ".repeat(300) + "1",
                "1,".repeat(900) + "1",
                "\\{" + "x,".repeat(900) + "1\\}",
                "x^{x^{x^{x^{x^x}}}}",
                "(x+y+z)^{2000}",
                "\\begin{pmatrix}" + "1&2\\\\".repeat(300) + "1&2\\end{pmatrix}",
                "\\det\\begin{pmatrix}" + "1&2&3&4&5&6\\\\".repeat(6) + "\\end{pmatrix}",
                "|".repeat(1_500),
                "\\text{".repeat(300),
                "\\\\".repeat(many),
                "\\boxed{".repeat(many),
                "\\boxed{1}, ".repeat(many),
                "$".repeat(many),
                "$1".repeat(many),
                "**1".repeat(many),
                "the answer is ".repeat(many),
                "final answer is ".repeat(many),
                "####".repeat(many),
                "1 000".repeat(many),
                "1,000".repeat(many),
                "-".repeat(many),
                "- ".repeat(many),
                "\\(".repeat(many),
                "\\[ \\] ".repeat(many),
                "A".repeat(many),
                "(A".repeat(many),
                "A ".repeat(many),
                "answer ".repeat(many),
                "x\u0000\uffff\ud800",
                " ".repeat(many),
                "\n".repeat(many)));
    return hostile;
  }

  @Test
  void noAnswerCostsMoreThanItsShare() {
    assertTimeoutPreemptively(
        HANGING,
        () -> {
          for (String one : hostile()) {
            for (String other : List.of("5", "\\frac{x}{2}", "(1,2)", one + "1", one)) {
              Work work = new Work();
              Verdict verdict = AnswerComparison.compare(one, other, work);
              assertThat(work.spent()).isLessThan(Work.LIMIT + 1_000_000);
              if (one.equals(other)) {
                assertThat(verdict).isEqualTo(Verdict.EQUAL);
              }
            }
          }
        });
  }

  @Test
  void noTextIsTooMuchToRead() {
    assertTimeoutPreemptively(
        HANGING,
        () -> {
          for (String kind : Graders.kinds()) {
            for (String mode : Graders.modes()) {
              Grader grader = Graders.of(kind, mode, mode);
              for (String text : hostile()) {
                grader.extract(text);
                grader.read(text);
                grader.compare(text, "5");
              }
            }
          }
        });
  }

  @Test
  void whateverIsWrittenGetsAVerdictAndTheSameOneFromBothSides() {
    Random random = new Random(7);
    assertTimeoutPreemptively(
        HANGING,
        () -> {
          for (int i = 0; i < 5_000; i++) {
            String one = text(random);
            String other = i % 3 == 0 ? one + " " : text(random);
            Verdict verdict = AnswerComparison.compare(one, other);
            assertThat(AnswerComparison.compare(other, one))
                .as("[%s] [%s]", one, other)
                .isEqualTo(verdict);
            assertThat(AnswerComparison.compare(one, one)).isEqualTo(Verdict.EQUAL);
            for (String kind : Graders.kinds()) {
              Grader grader = Graders.of(kind, "default", "default");
              grader.extract(one);
              grader.read(one);
            }
            Grader released = Graders.of("math", "released-code", "released-code");
            released.extract(one);
            released.compare(one, other);
          }
        });
  }

  private static String text(Random random) {
    return IntStream.range(0, 1 + random.nextInt(25))
        .mapToObj(i -> PARTS.get(random.nextInt(PARTS.size())))
        .collect(Collectors.joining());
  }
}
