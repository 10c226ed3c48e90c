package polyphony.activities.split;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.activities.TestVectors;
import polyphony.activities.vote.MajorityVote;
import polyphony.activities.vote.TieRule;

class MembershipTest {
  private static boolean equivalent(String one, String other) {
    List<String> half = List.of("0.5", "0.50", "1/2", "\\frac{1}{2}", "\\frac12", "\\dfrac{1}{2}");
    return one.equals(other) || (half.contains(one) && half.contains(other));
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(each -> texts.add(each.isNull() ? null : each.asText()));
    return texts;
  }

  private static List<Integer> numbers(JsonNode array) {
    List<Integer> numbers = new ArrayList<>();
    array.forEach(each -> numbers.add(each.asInt()));
    return numbers;
  }

  @Test
  void theReleasedCodesSetsAreReproduced() throws IOException {
    JsonNode cases = TestVectors.read("split_membership.json");
    assertThat(cases).isNotEmpty();
    MajorityVote vote = new MajorityVote(MembershipTest::equivalent, TieRule.RELEASED_CODE, 1);
    for (JsonNode each : cases) {
      List<String> first = texts(each.get("first"));
      List<String> last = texts(each.get("final"));
      String label = vote.decide(last, 0).label();
      assertThat(label).isEqualTo(each.get("consensus").textValue());
      List<Integer> generators = new ArrayList<>();
      List<Integer> corrected = new ArrayList<>();
      List<Integer> confirmed = new ArrayList<>();
      for (int agent = 0; agent < first.size(); agent++) {
        Membership membership =
            Membership.of(first.get(agent), last.get(agent), label, MembershipTest::equivalent);
        if (membership.generator()) {
          generators.add(agent);
        }
        if (membership.corrected()) {
          corrected.add(agent);
        }
        if (membership.confirmed()) {
          confirmed.add(agent);
        }
      }
      boolean skipped = each.path("skipped").asBoolean();
      String question = each.get("question").asText();
      assertThat(generators)
          .as(question)
          .isEqualTo(skipped ? List.of() : numbers(each.get("G_agents")));
      assertThat(corrected)
          .as(question)
          .isEqualTo(skipped ? List.of() : numbers(each.get("Cminus_agents")));
      assertThat(confirmed)
          .as(question)
          .isEqualTo(skipped ? List.of() : numbers(each.get("Cplus_agents")));
    }
  }
}
