package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GradeCommandTest {
  @TempDir private Path folder;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String in, String... arguments) {
    out.reset();
    err.reset();
    Console console =
        new Console(
            new ByteArrayInputStream(in.getBytes(StandardCharsets.UTF_8)),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    return Polyphony.execute(console, Assembly::of, arguments);
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void everyLineGetsItsVerdict() {
    assertThat(
            run(
                """
                {"gold": "\\\\frac{1}{2}", "pred": "0.5"}
                {"gold": "5", "text": "I think it is \\\\boxed{6}."}
                {"gold": "5", "text": "no idea"}

                {"gold": "5", "pred": "10^{10^{10}}"}
                {"gold": 5, "pred": 5.0}
                """,
                "grade", "--task", "math"))
        .isZero();
    assertThat(output().lines())
        .containsExactly(
            "{\"extracted\":\"0.5\",\"verdict\":\"equal\"}",
            "{\"extracted\":\"6\",\"verdict\":\"different\"}",
            "{\"extracted\":null,\"verdict\":\"different\"}",
            "{\"extracted\":\"10^{10^{10}}\",\"verdict\":\"undecided\"}",
            "{\"extracted\":\"5.0\",\"verdict\":\"equal\"}");
    assertThat(errors()).contains("5 graded: 2 equal, 2 different, 1 undecided");
  }

  @Test
  void theReleasedCodesVerdictsAreAModeOfTheirOwn() {
    String line = "{\"gold\": \"1/2\", \"pred\": \"2/4\"}\n";
    run(line, "grade", "--task", "math", "--mode", "released-code");
    assertThat(output()).contains("different");
    run(line, "grade", "--task", "math");
    assertThat(output()).contains("equal");
    assertThat(run(line, "grade", "--task", "math", "--mode", "old")).isEqualTo(2);
    assertThat(errors()).contains("default, released-code");
  }

  @Test
  void aBadLineIsNamedAndLosesNothingBeforeIt() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("answers.jsonl"),
            "{\"gold\": \"B\", \"text\": \"The answer is (B).\"}\n{\"gold\": \"B\"}\n");
    assertThat(run("", "grade", "--task", "mmlu", file.toString())).isEqualTo(2);
    assertThat(output()).isEqualTo("{\"extracted\":\"B\",\"verdict\":\"equal\"}\n");
    assertThat(errors()).contains("answers.jsonl:2 needs either \"pred\" or \"text\"");
    assertThat(run("{\n", "grade", "--task", "gsm8k")).isEqualTo(2);
    assertThat(errors()).contains("standard input:1 is not JSON");
    assertThat(run("{\"pred\": \"1\"}\n", "grade", "--task", "gsm8k")).isEqualTo(2);
    assertThat(errors()).contains("standard input:1 has no text \"gold\"");
    assertThat(run("", "grade", "--task", "gsm8k", "absent.jsonl")).isEqualTo(2);
    assertThat(errors()).contains("absent.jsonl does not exist");
  }

  @Test
  void questionsAreImportedAndTheirAnswersGraded() throws IOException {
    Path questions =
        Files.writeString(
            folder.resolve("q.jsonl"),
            "{\"question\": \"Capital of France?\", \"answer\": \"Paris\"}\n");
    String store = folder.resolve("store").toString();
    assertThat(
            run(
                "",
                "data",
                "import",
                "capitals",
                questions.toString(),
                "--answers",
                "text",
                "--store",
                store))
        .isZero();
    assertThat(output()).contains("imported capitals, questions ", "published parts: all 1");
    assertThat(
            run(
                "{\"gold\": \"Paris\", \"pred\": \"paris.\"}\n",
                "grade",
                "--task",
                "capitals",
                "--store",
                store))
        .isZero();
    assertThat(output()).contains("equal");
    assertThat(run("", "grade", "--task", "rivers", "--store", store)).isEqualTo(2);
    assertThat(errors()).contains("there is no task \"rivers\"");
    assertThat(run("", "data", "import", "x", folder.resolve("none").toString(), "--store", store))
        .isEqualTo(2);
    assertThat(errors()).contains("check the path");
  }
}
