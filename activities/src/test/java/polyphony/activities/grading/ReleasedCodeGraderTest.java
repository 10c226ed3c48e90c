package polyphony.activities.grading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.activities.TestVectors;
import polyphony.activities.split.Membership;
import polyphony.activities.vote.MajorityVote;
import polyphony.activities.vote.TieRule;
import polyphony.storage.PolyphonyException;

class ReleasedCodeGraderTest {
  private final Grader released = Graders.of("math", "released-code", "released-code");
  private final Grader standard = Graders.of("math", "default", "default");

  private static String text(JsonNode node) {
    return node == null || node.isNull() ? null : node.asText();
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(each -> texts.add(text(each)));
    return texts;
  }

  private static boolean equal(Grader grader, String given, String truth) {
    return given != null && truth != null && grader.equivalent(given, truth);
  }

  @Test
  void everyVerdictOfItIsReproduced() throws IOException {
    JsonNode cases = TestVectors.read("grader_vectors.json");
    assertThat(cases).isNotEmpty();
    for (JsonNode each : cases) {
      assertThat(equal(released, text(each.get("given")), text(each.get("ground_truth"))))
          .as("%s", each)
          .isEqualTo(each.get("official_grade_answer").asBoolean());
    }
  }

  /** Each of these is the same answer by any reading but the released grader's. */
  @Test
  void theDefaultDiffersWhereTheReleasedGraderIsWrong() throws IOException {
    List<String> different = new ArrayList<>();
    for (JsonNode each : TestVectors.read("grader_vectors.json")) {
      String given = text(each.get("given"));
      String truth = text(each.get("ground_truth"));
      if (equal(standard, given, truth) != each.get("official_grade_answer").asBoolean()) {
        different.add(given + " = " + truth);
      }
    }
    assertThat(different)
        .containsExactly(
            "2/4 = 1/2", // a fraction need not be reduced
            "\\frac{2}{4} = \\frac{1}{2}",
            "ans=5 = 5", // a name before the value says nothing about it
            "1,2 = 2,1", // solutions have no order
            "2^{10} = 1024", // powers are computed
            "10^{3} = 1000",
            "3 million = 3000000", // so are words for them
            "\\{1,2\\} = \\{2,1\\}"); // sets have no order
  }

  @Test
  void everyExtractionOfItIsReproduced() throws IOException {
    JsonNode cases = TestVectors.read("parse_vote_vectors.json").get("parse_answer");
    assertThat(cases).isNotEmpty();
    List<String> different = new ArrayList<>();
    for (JsonNode each : cases) {
      String text = text(each.get("text"));
      assertThat(released.extract(text).orElse(null))
          .as(text)
          .isEqualTo(text(each.get("official_parse_answer")));
      if (!standard.extract(text).equals(released.extract(text))) {
        different.add(text);
      }
    }
    assertThat(different)
        .containsExactly(
            "\\boxed 5", // a box without braces
            "\\fbox{7}", // the other box
            "Your final answer \\boxed{answer}", // the question's own placeholder
            "\\boxed{}", // nothing is no answer
            "\\boxed {5}"); // a space is no difference
  }

  @Test
  void itsVotesAreReproduced() throws IOException {
    MajorityVote vote = new MajorityVote(released::equivalent, TieRule.RELEASED_CODE, 1);
    JsonNode cases = TestVectors.read("parse_vote_vectors.json").get("most_frequent");
    assertThat(cases).isNotEmpty();
    for (JsonNode each : cases) {
      assertThat(vote.decide(texts(each.get("answers")), 0).label())
          .as("%s", each)
          .isEqualTo(text(each.get("official_most_frequent")));
    }
  }

  @Test
  void itsTrainingSetsAreReproduced() throws IOException {
    MajorityVote vote = new MajorityVote(released::equivalent, TieRule.RELEASED_CODE, 1);
    JsonNode cases = TestVectors.read("split_membership.json");
    assertThat(cases).isNotEmpty();
    for (JsonNode each : cases) {
      List<String> first = texts(each.get("first"));
      List<String> last = texts(each.get("final"));
      String label = vote.decide(last, 0).label();
      assertThat(label).as("%s", each).isEqualTo(text(each.get("consensus")));
      if (label == null) {
        continue;
      }
      assertThat(equal(released, label, text(each.get("gt"))))
          .isEqualTo(each.get("consensus_correct_vs_gt").asBoolean());
      for (int agent = 0; agent < first.size(); agent++) {
        Membership membership =
            Membership.of(first.get(agent), last.get(agent), label, released::equivalent);
        assertThat(membership.generator()).isEqualTo(holds(each.get("G_agents"), agent));
        assertThat(membership.corrected()).isEqualTo(holds(each.get("Cminus_agents"), agent));
        assertThat(membership.confirmed()).isEqualTo(holds(each.get("Cplus_agents"), agent));
      }
    }
  }

  private static boolean holds(JsonNode agents, int agent) {
    for (JsonNode each : agents) {
      if (each.asInt() == agent) {
        return true;
      }
    }
    return false;
  }

  @Test
  void extractorAndCheckerAreChosenApart() {
    Grader mixed = Graders.of("math", "released-code", "default");
    assertThat(mixed.extract("\\boxed {5}")).isEmpty();
    assertThat(mixed.equivalent("2/4", "1/2")).isTrue();
    assertThatThrownBy(() -> Graders.of("math", "new", "default"))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("extractor \"new\"; it is one of default, released-code");
    assertThatThrownBy(() -> Graders.of("essay", "default", "default"))
        .hasMessageContaining("choice, math, number, text");
  }
}
