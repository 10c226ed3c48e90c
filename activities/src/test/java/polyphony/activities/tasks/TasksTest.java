package polyphony.activities.tasks;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.activities.grading.Graders;

class TasksTest {
  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        // recorded, extractor, checker, asked (without this version's number)
        "number-0, -, -, number",
        "math-0, default, default, math",
        "math-0, released-code, -, math/released-code/default",
        "math-0/released-code/default, -, released-code, math/released-code/released-code",
        "math-0/released-code/default, default, -, math",
      })
  void whatAnEarlierVersionGradedIsGradedByThisOne(
      String recorded, String extractor, String checker, String asked) {
    int modes = asked.indexOf('/') < 0 ? asked.length() : asked.indexOf('/');
    String versioned = asked.substring(0, modes) + "-" + Graders.VERSION + asked.substring(modes);
    assertThat(Tasks.regraded(recorded, extractor, checker)).isEqualTo(versioned);
    assertThat(Tasks.regraded(versioned, null, null)).isEqualTo(versioned);
    assertThat(Tasks.grader(versioned)).isNotNull();
  }

  @Test
  void tasksWithoutAVersionStayAsTheyAre() {
    assertThat(Tasks.regraded("arithmetic", null, null)).isEqualTo("arithmetic");
    assertThat(Tasks.regraded("gsm8k", "default", "released-code"))
        .isEqualTo("gsm8k/default/released-code");
  }
}
