package polyphony.activities.vote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.activities.Seeds;
import polyphony.activities.TestVectors;
import polyphony.activities.vote.MajorityVote.Outcome;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Purpose;

class MajorityVoteTest {
  private static boolean equalIntegers(String one, String other) {
    return Integer.parseInt(one) == Integer.parseInt(other);
  }

  private static Outcome decide(TieRule rule, int minimumVotes, String... votes) {
    return new MajorityVote(MajorityVoteTest::equalIntegers, rule, minimumVotes)
        .decide(Arrays.asList(votes), 0);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      delimiter = '|',
      value = {
        // votes | rule | minimum | label | agreeing | tied
        "5 5 4 | random | 1 | 5 | 2 | false",
        "4 5 5 | first | 1 | 5 | 2 | false",
        "5 null null | random | 1 | 5 | 1 | false",
        "5 null null | random | 2 | - | 0 | false",
        "null null null | random | 1 | - | 0 | false",
        "05 4 5 | random | 1 | 05 | 2 | false",
        "4 5 05 | random | 1 | 5 | 2 | false",
        "9 10 2 | first | 1 | 9 | 1 | true",
        "9 10 2 | skip | 1 | - | 0 | true",
        "9 10 2 | released-code | 1 | 9 | 1 | true",
        "2 10 | released-code | 1 | 2 | 1 | true",
        "9 10 2 | random | 2 | - | 0 | true",
        "null 7 3 | first | 1 | 7 | 1 | true",
        "1 2 2 1 3 | first | 2 | 1 | 2 | true",
        "1 2 2 1 3 | skip | 2 | - | 0 | true",
        "1 2 2 1 3 | released-code | 2 | 2 | 2 | true",
        "1 2 2 | skip | 2 | 2 | 2 | false",
        "8 | random | 1 | 8 | 1 | false",
      })
  void theLargestGroupWins(
      String votes, String rule, int minimum, String label, int agreeing, boolean tied) {
    String[] each =
        Arrays.stream(votes.split(" ", -1))
            .map(vote -> vote.equals("null") ? null : vote)
            .toArray(String[]::new);
    assertThat(decide(TieRule.named(rule), minimum, each))
        .isEqualTo(new Outcome(label, agreeing, tied));
  }

  @Test
  void randomTiesAreDecidedByTheSeedAndFairly() {
    MajorityVote vote = new MajorityVote(MajorityVoteTest::equalIntegers, TieRule.RANDOM, 1);
    List<String> votes = List.of("9", "10", "2");
    Map<String, Integer> wins = new TreeMap<>();
    for (int question = 0; question < 3_000; question++) {
      long seed = Seeds.tie(1, Purpose.FINETUNE, 1, "question " + question);
      String label = vote.decide(votes, seed).label();
      assertThat(vote.decide(votes, seed).label()).isEqualTo(label);
      wins.merge(label, 1, Integer::sum);
    }
    // 1000 expected each, standard deviation 26
    assertThat(wins.values())
        .hasSize(3)
        .allSatisfy(count -> assertThat(count).isBetween(870, 1130));
  }

  @Test
  void theReleasedCodesVotesAreReproduced() throws IOException {
    BiPredicate<String, String> halves =
        (one, other) -> {
          List<String> half = List.of("0.5", "1/2", "\\frac{1}{2}");
          return one.equals(other) || (half.contains(one) && half.contains(other));
        };
    MajorityVote vote = new MajorityVote(halves, TieRule.RELEASED_CODE, 1);
    JsonNode cases = TestVectors.read("parse_vote_vectors.json").get("most_frequent");
    assertThat(cases).isNotEmpty();
    for (JsonNode each : cases) {
      List<String> votes = new ArrayList<>();
      each.get("answers").forEach(answer -> votes.add(answer.asText()));
      assertThat(vote.decide(votes, 0).label())
          .as("%s", votes)
          .isEqualTo(each.get("official_most_frequent").asText());
    }
  }

  @Test
  void anUnknownTieRuleIsRefusedWithTheNamesThereAre() {
    assertThatThrownBy(() -> TieRule.named("coin"))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("random, first, skip, released-code");
  }
}
