package polyphony.activities.grading;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import polyphony.activities.TestData;

/** Real models' texts, read and checked, against the verdicts stored with them. */
class ModelOutputsTest {
  private static final String RHO = "outputs/microsoft+rho/outputs__rho-math-";

  /** Counts of one data set, and of what disagrees by class. */
  private static final class Tally {
    private final String name;
    private int texts;
    private int agreeing;
    private final Map<String, Integer> classes = new TreeMap<>();

    Tally(String name) {
      this.name = name;
    }

    void count(Grader grader, String text, String gold, boolean stored) {
      String truth = grader.read(gold).orElse(""); // one gold answer was lost on its way
      Optional<String> answer = grader.extract(text);
      Verdict verdict = answer.map(each -> grader.compare(each, truth)).orElse(Verdict.DIFFERENT);
      texts++;
      if ((verdict == Verdict.EQUAL) == stored) {
        agreeing++;
        if (verdict == Verdict.UNDECIDED) {
          classes.merge("undecided, stored as wrong", 1, Integer::sum);
        }
      } else {
        classes.merge(cause(grader, answer, truth, verdict, stored), 1, Integer::sum);
      }
    }

    private static String cause(
        Grader grader, Optional<String> answer, String truth, Verdict verdict, boolean stored) {
      if (answer.isEmpty()) {
        return "no answer read, stored as right";
      } else if (verdict == Verdict.UNDECIDED) {
        return "undecided, stored as right";
      } else if (stored && grader.equivalent(answer.get(), truth + " \\cdot 100")) {
        return "a hundredfold, stored as right";
      } else if (stored && grader.equivalent(answer.get() + " \\cdot 100", truth)) {
        return "a hundredth, stored as right";
      }
      return stored ? "different, stored as right" : "equal, stored as wrong";
    }

    double share() {
      return agreeing / (double) texts;
    }

    @Override
    public String toString() {
      return String.format(
          "%s: %d of %d agree (%.2f %%); the rest %s",
          name, agreeing, texts, 100 * share(), classes);
    }
  }

  private static void rho(Tally tally, Grader grader, String data, List<String> files)
      throws IOException {
    for (String file : files) {
      for (JsonNode each : TestData.lines(RHO + file.replace("DATA", data))) {
        tally.count(
            grader,
            each.get("code").get(0).asText(),
            each.get("gt").asText(),
            each.get("score").get(0).asBoolean());
      }
    }
  }

  private static final List<String> RHO_FILES =
      List.of(
          "1b-interpreter-v0.1__DATA__test_tora_-1_seed0_t0.0_s0_e-1.jsonl",
          "1b-v0.1__DATA__test_cot_-1_seed0_t0.0_s0_e-1.jsonl",
          "7b-interpreter-v0.1__DATA__test_tora_-1_seed0_t0.0_s0_e-1.jsonl",
          "7b-v0.1__DATA__test_cot_-1_seed0_t0.0_s0_e-1.jsonl");

  @Test
  void gradeSchoolMathIsGradedAsStored() throws IOException {
    Grader grader = Graders.of("number", "default", "default");
    Tally tally = new Tally("GSM8K");
    rho(tally, grader, "gsm8k", RHO_FILES);
    for (JsonNode each :
        TestData.lines(
            "outputs/openai+grade-school-math/"
                + "grade_school_math__data__example_model_solutions.jsonl")) {
      for (String model :
          List.of("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")) {
        JsonNode solution = each.get(model);
        tally.count(
            grader,
            solution.get("solution").asText(),
            each.get("ground_truth").asText(),
            solution.get("is_correct").asBoolean());
      }
    }
    System.out.println(tally);
    assertThat(tally.texts).isEqualTo(5_338);
    assertThat(tally.share()).isGreaterThanOrEqualTo(0.99);
  }

  @Test
  void competitionMathIsGradedAsStored() throws IOException {
    Grader grader = Graders.of("math", "default", "default");
    Tally tally = new Tally("MATH");
    rho(tally, grader, "minerva_math", RHO_FILES);
    for (JsonNode each :
        TestData.lines(
            "outputs/QwenLM+Qwen2.5-Math/evaluation__data__eval_rm_maj_example__math_cot_100.jsonl")) {
      for (int sample = 0; sample < each.get("code").size(); sample++) {
        tally.count(
            grader,
            each.get("code").get(sample).asText(),
            each.get("gt").asText(),
            each.get("score").get(sample).asBoolean());
      }
    }
    System.out.println(tally);
    assertThat(tally.texts).isEqualTo(1_378);
    assertThat(tally.share()).isGreaterThanOrEqualTo(0.97);
  }

  /** Small models' debates hold no verdicts; that their answers are found is what can be seen. */
  @Test
  void answersOfDebatesAreFound() throws IOException {
    int texts = 0;
    int found = 0;
    for (String file :
        List.of(
            "gsm__gsm_Llama-3.2-3B_persona_kantian+cosmic+renaissance_agents3_rounds3.json",
            "gsm__gsm_Mistral-7B-Instruct-v0.3_persona_kantian+gothic+deep-sea+resource+expert"
                + "_agents5_rounds3.json",
            "mmlu__mmlu_Llama-3.2-3B_persona_kantian+cosmic+renaissance_agents3_rounds3.json")) {
      boolean choice = file.startsWith("mmlu");
      Grader grader = Graders.of(choice ? "choice" : "number", "default", "default");
      JsonNode debates =
          new JsonMapper()
              .readTree(
                  TestData.path(
                          "outputs/lferreiraMD+slm_multiagent_debate/"
                              + "experiments__linux_single__slurm__results_hpc__"
                              + file)
                      .toFile());
      for (JsonNode debate : debates) {
        assertThat(grader.read(debate.get(1).asText())).isPresent();
        for (JsonNode agent : debate.get(0)) {
          for (JsonNode message : agent) {
            if (message.get("role").asText().equals("assistant")) {
              texts++;
              found += grader.extract(message.get("content").asText()).isPresent() ? 1 : 0;
            }
          }
        }
      }
    }
    System.out.println("debates: an answer is read from " + found + " of " + texts + " texts");
    assertThat(texts).isEqualTo(363);
    assertThat(found).isGreaterThan(texts * 9 / 10);
  }
}
