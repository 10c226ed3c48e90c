package polyphony.activities.grading;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExtractionTest {
  private final Grader math = Graders.of("math", "default", "default");
  private final Grader number = Graders.of("number", "default", "default");
  private final Grader choice = Graders.of("choice", "default", "default");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "first \\boxed{4} then \\boxed{5} | 5",
        "\\boxed{\\frac{1}{2}} done | \\frac{1}{2}",
        "\\fbox{7} | 7",
        "\\boxed {8} | 8",
        "$\\boxed{(1, 2)}$ and $\\boxed{(2, 1)}$ | (1, 2), (2, 1)",
        "\\boxed{1} papers and \\boxed{2} bins | 1, 2",
        "\\boxed{1} no no no no no \\boxed{2} | 2",
        "It is \\boxed{200}. So, after that, it is \\boxed{255} | 255",
        "\\boxed{4 + 3 = \\boxed{7}} | 7",
        "\\boxed{200} Final Answer: The final answer is $10,455$. I hope it is correct. | 10,455",
        "Final Answer: The final answer is $\\frac{11}{3}$. I hope it is correct. | \\frac{11}{3}",
        "The solution is $x \\leq 5$ | x \\leq 5",
        "so $x+y = 1000$ therefore answer is $1$ | 1",
        "We have $n = 12$ pairs in all for the variable $n$. | n = 12",
        "\\boxed{answer} | ''",
        "\\boxed{} | ''",
        "I do not know. | ''"
      })
  void mathematicsIsReadFromTexts(String text, String answer) {
    assertThat(math.extract(text).orElse("")).isEqualTo(answer);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "She has 5 apples. #### 5 | 5",
        "The answer is $1,234.50. | 1234.50",
        "A: 26 | 26",
        "So he pays $18 in total. | 18",
        "The answer is -3. | -3",
        "Therefore 10 - 3 = 7 apples remain | 7",
        "**Answer: 15 miles** | 15",
        "the total is **$2,000** at 5 a piece. | 2000",
        "\\boxed{\\$5.50} | 5.50",
        "\\boxed{52 WPM} | 52",
        "\\boxed{answer: $3} | 3",
        "\\boxed{1,000 \\text{ dollars}} | 1000",
        "He ran 3/4 of a mile | 3/4",
        "The answer is 9 500. | 9500",
        "The answer is 5 (since 10/2 = 5). | 5",
        "So the answer is 12 + 3 = 15 cookies. | 15",
        "donc il a 79 g de cire. | 79",
        "答案：每份应该是 (\\frac{2}{5}) 吨。 | \\frac{2}{5}",
        "AZYUK2A | ''"
      })
  void numbersAreReadFromTexts(String text, String answer) {
    assertThat(number.extract(text).orElse("")).isEqualTo(answer);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "The correct answer is (C). | C",
        "Answer: B | B",
        "**B** | B",
        "The answer is **D**. | D",
        "I would choose option A because B is wrong. | A",
        "B) 16 hours | B",
        "therefore (D) 32i | D",
        "\\boxed{\\text{(C)}} | C",
        "答案是D。 | D",
        "选择C | C",
        "La bonne réponse est (A) | A",
        "Die Antwort ist C. | C",
        "It's not A because of this, therefore I think it's B | B",
        "D. it can't be A or B | D",
        "(X) B) Media tour | B",
        "A train leaves. Option B is not right, so it's C | C",
        "A is correct. | A",
        "the answer must be \"A\". | A",
        "So A and B are wrong; hence C. | C",
        "Correct choice: **C) Paris** | C",
        "[B] | B",
        "b | B",
        "no letter at all | ''"
      })
  void lettersAreReadFromTexts(String text, String answer) {
    assertThat(choice.extract(text).orElse("")).isEqualTo(answer);
  }

  @Test
  void whatAnotherTurnSaysIsNotReadButNoTextIsCutToNothing() {
    assertThat(math.extract("The pair is $(7, 6)$. <|im_start|>user: and 9?")).contains("(7, 6)");
    assertThat(number.extract("<|im_start|>assistant: it is 9.")).contains("9");
  }

  @Test
  void aGoldAnswerMayComeWithItsSolution() {
    assertThat(number.read("He has 3+4=<<3+4=7>>7.\n#### 7")).contains("7");
    assertThat(math.read("so $x = \\boxed{\\frac{1}{5}}$.")).contains("\\frac{1}{5}");
    assertThat(math.read("\\frac{1}{5}")).contains("\\frac{1}{5}");
    assertThat(math.read("\\boxed{12 and then it ends")).contains("12 and then it ends");
    assertThat(choice.read("b")).contains("B");
    assertThat(math.read("  ")).isEmpty();
  }

  @Test
  void textsAreComparedWithoutCaseAndPunctuation() {
    Grader text = Graders.of("text", "default", "default");
    assertThat(text.extract("It must be him.\nThe answer is: **Paris**.")).contains("Paris");
    assertThat(text.equivalent("The Paris!", "paris")).isTrue();
    assertThat(text.equivalent("Paris", "London")).isFalse();
  }
}
