package polyphony.activities.tasks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.TestVectors;
import polyphony.activities.tasks.Task.Split;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class ArithmeticTaskTest {
  private static final Pattern QUESTION =
      Pattern.compile("(\\d+)\\+(\\d+)\\*(\\d+)\\+(\\d+)-(\\d+)\\*(\\d+)");

  private final Task task = new ArithmeticTask();

  @Test
  void splitsShareNoQuestionWhateverTheirSeeds() {
    Map<Split, Set<String>> seen = new EnumMap<>(Split.class);
    for (Split split : Split.values()) {
      Set<String> ids = new HashSet<>();
      for (long seed = -10; seed < 10; seed++) {
        task.questions(split, 500, seed).forEach(each -> ids.add(each.id()));
      }
      seen.values().forEach(each -> assertThat(Collections.disjoint(each, ids)).isTrue());
      seen.put(split, ids);
    }
  }

  @Test
  void aSetHasNoRepeatsAndStartsLikeASmallerOne() {
    List<Question> large = task.questions(Split.FINETUNE, 5_000, 7);
    assertThat(large).extracting(Question::id).doesNotHaveDuplicates();
    assertThat(task.questions(Split.FINETUNE, 500, 7)).isEqualTo(large.subList(0, 500));
    assertThat(task.questions(Split.FINETUNE, 500, 8)).isNotEqualTo(large.subList(0, 500));
  }

  @Test
  void operandsAreUniformAndAnswersRight() {
    int[][] counts = new int[6][30];
    for (Question question : task.questions(Split.EVALUATE, 30_000, 1)) {
      Matcher matcher = QUESTION.matcher(question.text());
      assertThat(matcher.matches()).isTrue();
      long[] x = new long[6];
      for (int i = 0; i < 6; i++) {
        x[i] = Long.parseLong(matcher.group(i + 1));
        counts[i][(int) x[i]]++;
      }
      assertThat(question.answer())
          .isEqualTo(String.valueOf(x[0] + x[1] * x[2] + x[3] - x[4] * x[5]));
    }
    for (int[] operand : counts) {
      // 1000 expected, standard deviation 31
      assertThat(Arrays.stream(operand).boxed())
          .allSatisfy(count -> assertThat(count).isBetween(830, 1170));
    }
  }

  @Test
  void questionSetsNeverChangeWithinAVersion() {
    assertThat(task.version()).isEqualTo(2);
    assertThat(task.questions(Split.EVALUATE, 2, 0))
        .extracting(Question::text)
        .containsExactly("16+20*7+20-1*5", "13+10*5+18-29*11");
  }

  @Test
  void tooLargeASetIsRefusedWithTheNumberThereIs() {
    assertThatThrownBy(() -> task.questions(Split.EVALUATE, 10_000_001, 0))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining("10000000");
    assertThatThrownBy(() -> task.questions(Split.EVALUATE, -1, 0))
        .isInstanceOf(PolyphonyException.class);
  }

  @Test
  void questionsOfAnotherRangeShareNoneOfOtherSplits() {
    Task harder = new ArithmeticTask(60);
    List<Question> evaluated = harder.questions(Split.EVALUATE, 2_000, 0);
    assertThat(evaluated)
        .extracting(Question::id)
        .doesNotHaveDuplicates()
        .allMatch(id -> ArithmeticTask.splitOf(id) == Split.EVALUATE);
    int largest =
        evaluated.stream()
            .flatMapToInt(
                each -> Arrays.stream(each.text().split("\\D")).mapToInt(Integer::parseInt))
            .max()
            .orElseThrow();
    assertThat(largest).isEqualTo(60);
    assertThat(new ArithmeticTask(29).questions(Split.EVALUATE, 50, 3))
        .isEqualTo(task.questions(Split.EVALUATE, 50, 3));
  }

  @Test
  void smallRangesGiveAsManyQuestionsAsTheySay() {
    for (int largest = 1; largest <= 5; largest++) {
      Task small = new ArithmeticTask(largest);
      for (Split split : Split.values()) {
        int count = small.largestSet(split);
        assertThat(count).isPositive();
        assertThat(small.questions(split, count, 1)).doesNotHaveDuplicates().hasSize(count);
      }
    }
    assertThat(new ArithmeticTask(99).largestSet(Split.FINETUNE)).isEqualTo(10_000_000);
    assertThatThrownBy(() -> new ArithmeticTask(1).questions(Split.FINETUNE, 5, 0))
        .hasMessage(
            "task arithmetic with operands up to 1 gives 0 to 4 questions for each purpose, not 5;"
                + " ask for fewer");
  }

  @Test
  void thePapersFirstTwentyQuestionsHaveThePapersAnswers() throws IOException {
    JsonNode problems =
        TestVectors.read("arithmetic_first20_debate_repo_seed0.json").get("problems");
    assertThat(problems).hasSize(20);
    for (JsonNode problem : problems) {
      int[] x = new int[6];
      for (int i = 0; i < 6; i++) {
        x[i] = problem.get("abcdef".substring(i, i + 1)).asInt();
      }
      Question question = ArithmeticTask.question(x[0], x[1], x[2], x[3], x[4], x[5]);
      assertThat(question.text()).isEqualTo(problem.get("expr").asText());
      assertThat(question.answer()).isEqualTo(problem.get("answer").asText());
    }
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      delimiter = '|',
      value = {
        "The answer is \\boxed{5}|5",
        "first \\boxed{4} then \\boxed{5}.|5",
        "\\boxed{-12}|-12",
        "\\boxed{+12}|12",
        "\\boxed{\u221212}|-12",
        "\\boxed{1,234,567}|1234567",
        "\\boxed{1{,}234}|1234",
        "\\boxed{-$1,234$}|-1234",
        "$\\boxed{ 007 }$|7",
        "\\boxed{-0}|0",
        "\\boxed{12.0}|12",
        "\\boxed{12 + 30 = 42}|42",
        "\\boxed {42}|42",
        "\\\\boxed{42}|42",
        "\\boxed{1 + \\boxed{2}}|2",
        "\\boxed{8} and then \\boxed{9|8",
        "} \\boxed{3}|3",
        "{ \\boxed{3}|3",
        "\\boxed{5} # 6|5",
        "26*20=520;520+4=524#524|524",
        "252-1305=-1053#-1053|-1053",
        "1#1#2|2",
        "So it is\\n#### 1,200\\n|1200",
        "so\\n#### $18|18",
        "so\\n#### 18.|18",
      })
  void theFinalAnswerIsRead(String text, String answer) {
    assertThat(task.extract(text.replace("\\n", "\n"))).contains(answer);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "no",
        "42",
        "26*20=520;28*9=252;4+520=524",
        "26*20=520#",
        "26*20=520#-",
        "\\boxed{}",
        "\\boxed{unclosed",
        "\\boxed 5",
        "\\fbox{7}",
        "\\boxed{3.5}",
        "\\boxed{1/2}",
        "\\boxed{\\frac{1}{2}}",
        "\\boxed{1,23}",
        "\\boxed{1 2}",
        "\\boxed{x}",
        "\\boxed{answer} #5",
        "\\boxed{\\{5\\}}",
        "#five"
      })
  void whatStatesNoIntegerHasNoAnswer(String text) {
    assertThat(task.extract(text)).isEmpty();
  }

  // Quadratic work on these takes minutes.
  @Test
  @Timeout(20)
  void hostileTextsCostBoundedTime() {
    int n = 1_000_000;
    for (String text :
        List.of(
            "\\boxed{".repeat(n),
            "\\boxed{".repeat(n) + "5" + "}".repeat(n),
            "\\boxed" + " ".repeat(n),
            "{".repeat(n),
            "#".repeat(n),
            "#" + "9".repeat(n),
            "#" + "1,".repeat(n),
            "#" + " ".repeat(n) + "x",
            "\\boxed{" + "1".repeat(999) + "}")) {
      assertThat(task.extract(text)).matches(each -> each.isEmpty() || each.get().equals("5"));
    }
    assertThat(task.equivalent("9".repeat(n), "9".repeat(n) + "1")).isFalse();
  }

  @Test
  void equivalenceIsEqualityOfIntegers() {
    assertThat(task.equivalent("1,000", "1000")).isTrue();
    assertThat(task.equivalent("-0", "0")).isTrue();
    assertThat(task.equivalent("+7", "007")).isTrue();
    assertThat(task.equivalent("7", "-7")).isFalse();
    assertThat(task.equivalent("x", "x")).isTrue();
    assertThat(task.equivalent("x", "y")).isFalse();
    assertThat(task.equivalent("123456789012345678901", "123456789012345678901.0")).isTrue();
  }

  @Test
  void anUnknownTaskIsRefusedWithTheNamesThereAre() {
    assertThat(Tasks.names()).containsExactly("arithmetic", "gsm8k", "math", "mmlu");
    assertThat(Tasks.grader("arithmetic")).isInstanceOf(ArithmeticTask.class);
    assertThat(Tasks.grader("gsm8k")).isEqualTo(Tasks.grader("number-1"));
    assertThat(Tasks.grader("math/released-code/default").extract("\\boxed {5}")).isEmpty();
    assertThatThrownBy(() -> Tasks.grader("number-2")).hasMessageContaining("number-2");
    for (String name : new String[] {"algebra", null}) {
      assertThatThrownBy(() -> Tasks.grader(name))
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
          .hasMessageContaining("arithmetic");
    }
  }
}
