package polyphony.activities.vote;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import polyphony.activities.JsonLines;
import polyphony.activities.TestSteps;
import polyphony.activities.debate.TestAnswers;
import polyphony.activities.grading.Grader;
import polyphony.activities.grading.Verdict;
import polyphony.activities.tasks.Tasks;
import polyphony.storage.ArtifactRef;
import polyphony.workflows.Purpose;
import polyphony.workflows.Vote;

/** What holds for every vote, over many small random ones. */
class VotePropertiesTest {
  private static final int CASES = 400;
  private static final int VALUES = 4;
  private static final Grader GRADER = Tasks.grader("math");

  /** Ways to write a number, all of which the grader takes for the same. */
  private static final List<Function<Integer, String>> FORMS =
      List.of(
          value -> Integer.toString(value),
          value -> value + ".0",
          value -> "\\frac{" + 2 * value + "}{2}",
          value -> 3 * value + "/3");

  private final RandomGenerator random = new SplittableRandom(17);

  /** A random vote: by agent, the number that it means and how it writes it. */
  private record Votes(List<Integer> values, List<String> texts) {
    /** The same numbers, written otherwise. */
    Votes rewritten(RandomGenerator random) {
      return of(values, random);
    }

    static Votes of(List<Integer> values, RandomGenerator random) {
      List<String> texts = new ArrayList<>(); // holds nulls
      for (Integer value : values) {
        texts.add(value == null ? null : FORMS.get(random.nextInt(FORMS.size())).apply(value));
      }
      return new Votes(values, texts);
    }

    Votes permuted(RandomGenerator random) {
      List<Integer> order = new ArrayList<>(IntStream.range(0, values.size()).boxed().toList());
      for (int i = order.size() - 1; i > 0; i--) {
        Collections.swap(order, i, random.nextInt(i + 1));
      }
      return new Votes(
          new ArrayList<>(order.stream().map(values::get).toList()),
          order.stream().map(texts::get).collect(Collectors.toCollection(ArrayList::new)));
    }

    /** How many vote for each number. */
    Map<Integer, Integer> counts() {
      Map<Integer, Integer> counts = new TreeMap<>();
      values.stream().filter(Objects::nonNull).forEach(each -> counts.merge(each, 1, Integer::sum));
      return counts;
    }

    /** The number that a label means; null for none. */
    Integer meaning(String label) {
      return label == null ? null : values.get(texts.indexOf(label));
    }
  }

  private Votes votes() {
    List<Integer> values = new ArrayList<>(); // holds nulls
    int agents = 1 + random.nextInt(7);
    for (int agent = 0; agent < agents; agent++) {
      values.add(random.nextInt(5) == 0 ? null : Integer.valueOf(random.nextInt(VALUES)));
    }
    return Votes.of(values, random);
  }

  private MajorityVote vote(TieRule rule) {
    return new MajorityVote(GRADER::equivalent, rule, 1 + random.nextInt(3));
  }

  @Test
  void theFormsAreEqualWhereTheNumbersAre() {
    for (int one = 0; one < VALUES; one++) {
      for (int other = 0; other < VALUES; other++) {
        for (Function<Integer, String> form : FORMS) {
          for (Function<Integer, String> otherForm : FORMS) {
            assertThat(GRADER.compare(form.apply(one), otherForm.apply(other)))
                .isEqualTo(one == other ? Verdict.EQUAL : Verdict.DIFFERENT);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(TieRule.class)
  void theLabelIsThatOfALargestGroup(TieRule rule) {
    int ties = 0;
    int none = 0;
    for (int i = 0; i < CASES; i++) {
      Votes votes = votes();
      MajorityVote vote = vote(rule);
      MajorityVote.Outcome outcome = vote.decide(votes.texts(), random.nextLong());
      Map<Integer, Integer> counts = votes.counts();
      int most = counts.values().stream().mapToInt(each -> each).max().orElse(0);
      long leading = counts.values().stream().filter(each -> each == most).count();
      assertThat(outcome.tied()).as("%s", votes).isEqualTo(leading > 1);
      boolean labelled =
          most > 0 && most >= vote.minimumVotes() && !(rule == TieRule.SKIP && outcome.tied());
      assertThat(outcome.label() != null).as("%s", votes).isEqualTo(labelled);
      assertThat(outcome.agreeing()).as("%s", votes).isEqualTo(labelled ? most : 0);
      if (labelled) {
        Integer meaning = votes.meaning(outcome.label());
        assertThat(counts.get(meaning)).as("%s", votes).isEqualTo(most);
        // It is written as the lowest agent of the group does.
        assertThat(outcome.label()).isEqualTo(votes.texts().get(votes.values().indexOf(meaning)));
      }
      ties += outcome.tied() ? 1 : 0;
      none += labelled ? 0 : 1;
    }
    assertThat(ties).as("ties among the cases").isGreaterThan(CASES / 20);
    assertThat(none).as("cases without a label").isBetween(CASES / 20, CASES - CASES / 5);
  }

  @ParameterizedTest
  @EnumSource(TieRule.class)
  void theAgentsOrderMattersInTiesAlone(TieRule rule) {
    for (int i = 0; i < CASES; i++) {
      Votes votes = votes();
      Votes permuted = votes.permuted(random);
      MajorityVote vote = vote(rule);
      long seed = random.nextLong();
      MajorityVote.Outcome one = vote.decide(votes.texts(), seed);
      MajorityVote.Outcome other = vote.decide(permuted.texts(), seed);
      assertThat(other.tied()).as("%s", votes).isEqualTo(one.tied());
      assertThat(other.agreeing()).as("%s", votes).isEqualTo(one.agreeing());
      assertThat(other.label() == null).as("%s", votes).isEqualTo(one.label() == null);
      if (!one.tied()) {
        assertThat(permuted.meaning(other.label()))
            .as("%s", votes)
            .isEqualTo(votes.meaning(one.label()));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(TieRule.class)
  void howAnswersAreWrittenDoesNotMatter(TieRule rule) {
    for (int i = 0; i < CASES; i++) {
      Votes votes = votes();
      Votes rewritten = votes.rewritten(random);
      MajorityVote vote = vote(rule);
      long seed = random.nextLong();
      MajorityVote.Outcome one = vote.decide(votes.texts(), seed);
      MajorityVote.Outcome other = vote.decide(rewritten.texts(), seed);
      assertThat(other.tied()).as("%s", votes).isEqualTo(one.tied());
      assertThat(other.agreeing()).as("%s", votes).isEqualTo(one.agreeing());
      // The released code breaks ties by the very strings.
      if (rule != TieRule.RELEASED_CODE || !one.tied()) {
        assertThat(rewritten.meaning(other.label()))
            .as("%s against %s", votes, rewritten)
            .isEqualTo(votes.meaning(one.label()));
      }
    }
  }

  @Test
  void equalSeedsGiveEqualBytesHoweverTheAnswersAreCutIntoRanges(@TempDir Path folder) {
    try (TestSteps one = new TestSteps(folder.resolve("one"));
        TestSteps other = new TestSteps(folder.resolve("other"))) {
      for (int i = 0; i < 10; i++) {
        List<List<String>> texts = new ArrayList<>(); // by question, then by agent
        int agents = 1 + random.nextInt(5);
        int questions = 2 + random.nextInt(12);
        for (int question = 0; question < questions; question++) {
          List<Integer> values = new ArrayList<>();
          for (int agent = 0; agent < agents; agent++) {
            values.add(random.nextInt(5) == 0 ? null : Integer.valueOf(random.nextInt(VALUES)));
          }
          texts.add(Votes.of(values, random).texts());
        }
        TieRule rule = TieRule.named(TieRule.names().get(i % TieRule.names().size()));
        byte[] whole = voted(one, texts, agents, rule, questions);
        byte[] cut = voted(other, texts, agents, rule, 1 + random.nextInt(questions - 1));
        assertThat(cut).isEqualTo(whole).isNotEmpty();
      }
    }
  }

  private static byte[] voted(
      TestSteps steps, List<List<String>> texts, int agents, TieRule rule, int rangeSize) {
    List<List<ArtifactRef>> answers = new ArrayList<>();
    for (int agent = 0; agent < agents; agent++) {
      int speaker = agent;
      List<ArtifactRef> ranges = new ArrayList<>();
      for (int from = 0; from < texts.size(); from += rangeSize) {
        ranges.add(
            steps.put(
                JsonLines.write(
                    IntStream.range(from, Math.min(from + rangeSize, texts.size()))
                        .mapToObj(
                            index ->
                                TestAnswers.answer(
                                    index, speaker, 1, texts.get(index).get(speaker), true))
                        .toList())));
      }
      answers.add(ranges);
    }
    Vote.Request request =
        new Vote.Request(3, Purpose.FINETUNE, 1, "math", answers, rule.label(), 1, null);
    Vote.Result result =
        steps.run(
            VoteStep.NAME,
            request,
            Vote.Result.class,
            attempt -> new VoteStep().run(request, attempt));
    return steps.artifacts().bytes(result.votes());
  }
}
