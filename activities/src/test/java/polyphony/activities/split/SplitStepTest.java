package polyphony.activities.split;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.TestSteps;
import polyphony.activities.debate.Answer;
import polyphony.activities.debate.TestAnswers;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Method.Trains;
import polyphony.workflows.Role;
import polyphony.workflows.Split;

class SplitStepTest {
  private static final int AGENTS = 3;
  private static final int ROUNDS = 3;
  private static final int QUESTIONS = 40;

  @TempDir Path folder;
  private TestSteps steps;

  @BeforeEach
  void aStore() {
    steps = new TestSteps(folder);
  }

  @AfterEach
  void closeTheStore() {
    steps.close();
  }

  /** What is said where: the label is always 1. */
  private interface Script {
    Answer answer(int index, int agent, int round);
  }

  /** Agent n's first answer is right on questions not divisible by n + 2, its last ones always. */
  private static Answer learning(int index, int agent, int round) {
    boolean right = round > 1 || index % (agent + 2) != 0;
    return TestAnswers.answer(index, agent, round, right ? "1" : index % 3 == 0 ? null : "2", true);
  }

  private Split.Request request(
      Script script, int rounds, Trains trains, double mix, String loss, long seed) {
    List<List<List<ArtifactRef>>> answers = new ArrayList<>();
    for (int round = 1; round <= rounds; round++) {
      List<List<ArtifactRef>> byAgent = new ArrayList<>();
      for (int agent = 0; agent < AGENTS; agent++) {
        List<ArtifactRef> ranges = new ArrayList<>();
        for (int from = 0; from < QUESTIONS; from += QUESTIONS / 2) {
          int m = round;
          int n = agent;
          ranges.add(
              steps.put(
                  JsonLines.write(
                      IntStream.range(from, from + QUESTIONS / 2)
                          .mapToObj(index -> script.answer(index, n, m))
                          .toList())));
        }
        byAgent.add(ranges);
      }
      answers.add(byAgent);
    }
    ArtifactRef votes =
        steps.put(
            JsonLines.write(
                IntStream.range(0, QUESTIONS)
                    .mapToObj(
                        index ->
                            new Label(
                                index,
                                "question-" + index,
                                index == 7 ? null : "1",
                                List.of(),
                                3,
                                false))
                    .toList()));
    return new Split.Request(seed, 1, "arithmetic", answers, votes, trains, true, mix, loss);
  }

  private List<Split.TrainingSet> split(Split.Request request) {
    return steps
        .run(
            SplitStep.NAME,
            request,
            Split.Result.class,
            attempt -> new SplitStep().run(request, attempt))
        .sets();
  }

  private List<Example> examples(Split.TrainingSet set) {
    List<Example> examples = JsonLines.read(steps.artifacts().bytes(set.examples()), Example.class);
    assertThat(examples).hasSize(set.count());
    return examples;
  }

  private static Split.TrainingSet set(List<Split.TrainingSet> sets, Role role, int agent) {
    return sets.stream()
        .filter(each -> each.role() == role && each.agent() == agent)
        .findFirst()
        .orElseThrow();
  }

  private List<Split.TrainingSet> learnt(double mix, String loss) {
    return split(
        request(SplitStepTest::learning, ROUNDS, Trains.GENERATORS_AND_CRITICS, mix, loss, 0));
  }

  @Test
  void setsAreListedGeneratorsFirst() {
    assertThat(learnt(0.5, "last-turn"))
        .extracting(each -> each.role() + " " + each.agent() + " " + each.examples().name())
        .containsExactly(
            "GENERATOR 0 generator-1.jsonl",
            "GENERATOR 1 generator-2.jsonl",
            "GENERATOR 2 generator-3.jsonl",
            "CRITIC 0 critic-1.jsonl",
            "CRITIC 1 critic-2.jsonl",
            "CRITIC 2 critic-3.jsonl");
  }

  @Test
  void aGeneratorLearnsItsOwnRightFirstAnswers() {
    for (int agent = 0; agent < AGENTS; agent++) {
      int n = agent;
      List<Example> examples = examples(set(learnt(0.5, "last-turn"), Role.GENERATOR, agent));
      assertThat(examples)
          .extracting(Example::question)
          .isEqualTo(
              IntStream.range(0, QUESTIONS)
                  .filter(index -> index != 7 && index % (n + 2) != 0)
                  .mapToObj(index -> "question-" + index)
                  .toList());
      assertThat(examples)
          .allSatisfy(
              each -> {
                assertThat(each.tokens()).hasSize(5);
                assertThat(each.trained()).containsExactly(new int[] {3, 5});
                assertThat(each.kind()).isEqualTo("first-answer");
              });
    }
  }

  @Test
  void agentsLearnNothingFromOneAnother() {
    for (Split.TrainingSet set : learnt(0.5, "all-turns")) {
      assertThat(examples(set))
          .isNotEmpty()
          .allSatisfy(
              each ->
                  assertThat(each.tokens())
                      .satisfies(
                          tokens ->
                              assertThat(IntStream.of(tokens).map(TestAnswers::agentOf).distinct())
                                  .containsExactly(set.agent())));
    }
  }

  @Test
  void aCriticLearnsItsLastTurnOrAll() {
    assertThat(examples(set(learnt(0.5, "last-turn"), Role.CRITIC, 1)))
        .isNotEmpty()
        .allSatisfy(
            each -> {
              assertThat(each.tokens()).hasSize(15);
              assertThat(each.trained()).containsExactly(new int[] {13, 15});
            });
    assertThat(examples(set(learnt(0.5, "all-turns"), Role.CRITIC, 1)))
        .isNotEmpty()
        .allSatisfy(
            each ->
                assertThat(each.trained())
                    .containsExactly(new int[] {3, 5}, new int[] {8, 10}, new int[] {13, 15}));
  }

  @Test
  void aCriticsExamplesAreMixed() {
    // Agent 1: 14 of 40 first answers are wrong, all are corrected; 25 right ones are kept.
    Split.TrainingSet half = set(learnt(0.5, "last-turn"), Role.CRITIC, 1);
    assertThat(half.corrected()).isEqualTo(14);
    assertThat(half.confirmed()).isEqualTo(14);
    List<Example> examples = examples(half);
    assertThat(examples.stream().filter(each -> each.kind().equals("corrected"))).hasSize(14);
    assertThat(examples)
        .extracting(each -> Integer.parseInt(each.question().substring("question-".length())))
        .isSorted()
        .doesNotContain(7);
    assertThat(examples)
        .allSatisfy(
            each ->
                assertThat(
                        Integer.parseInt(each.question().substring("question-".length())) % 3 == 0)
                    .isEqualTo(each.kind().equals("corrected")));
    assertThat(half.note()).isEmpty();

    assertThat(set(learnt(0, "last-turn"), Role.CRITIC, 1))
        .satisfies(each -> assertThat(each.corrected()).isZero())
        .satisfies(each -> assertThat(each.confirmed()).isEqualTo(25));
    assertThat(set(learnt(1, "last-turn"), Role.CRITIC, 1))
        .satisfies(each -> assertThat(each.corrected()).isEqualTo(14))
        .satisfies(each -> assertThat(each.confirmed()).isZero());
  }

  @Test
  void whichExamplesAreChosenFollowsFromTheSeed() {
    List<List<String>> chosen = new ArrayList<>();
    for (long seed : new long[] {1, 2}) {
      chosen.add(
          examples(
                  set(
                      split(
                          request(
                              SplitStepTest::learning,
                              ROUNDS,
                              Trains.GENERATORS_AND_CRITICS,
                              0.5,
                              "last-turn",
                              seed)),
                      Role.CRITIC,
                      1))
              .stream()
              .map(Example::question)
              .toList());
    }
    assertThat(chosen.get(0)).isNotEqualTo(chosen.get(1)).hasSameSizeAs(chosen.get(1));
  }

  @Test
  void whereOneSetIsEmptyTheOtherIsUsedAndTheRecordSaysSo() {
    Split.TrainingSet confirmed =
        set(
            split(
                request(
                    (index, agent, round) -> TestAnswers.answer(index, agent, round, "1", true),
                    2,
                    Trains.GENERATORS_AND_CRITICS,
                    0.5,
                    "last-turn",
                    0)),
            Role.CRITIC,
            0);
    assertThat(confirmed.count()).isEqualTo(QUESTIONS - 1);
    assertThat(confirmed.note()).contains("no wrong first answer was corrected");
    Split.TrainingSet corrected =
        set(
            split(
                request(
                    (index, agent, round) ->
                        TestAnswers.answer(index, agent, round, round == 1 ? null : "1", true),
                    2,
                    Trains.GENERATORS_AND_CRITICS,
                    0.5,
                    "last-turn",
                    0)),
            Role.CRITIC,
            0);
    assertThat(corrected.count()).isEqualTo(QUESTIONS - 1);
    assertThat(corrected.note()).contains("no right first answer was kept");
  }

  @Test
  void anEmptySetSaysThatItsModelKeepsItsWeights() {
    List<Split.TrainingSet> sets =
        split(
            request(
                (index, agent, round) -> TestAnswers.answer(index, agent, round, "2", true),
                2,
                Trains.GENERATORS_AND_CRITICS,
                0.5,
                "last-turn",
                0));
    assertThat(sets)
        .hasSize(6)
        .allSatisfy(each -> assertThat(each.count()).isZero())
        .allSatisfy(each -> assertThat(each.note()).contains("keeps its weights"));
  }

  @Test
  void anAnswerCutAtTheTokenLimitNeverTrains() {
    // First answers are cut on even questions, last ones on questions 1, 5, 9, …
    Script script =
        (index, agent, round) ->
            TestAnswers.answer(
                index, agent, round, "1", round == 1 ? index % 2 == 1 : index % 4 != 1);
    List<Split.TrainingSet> last =
        split(request(script, 2, Trains.GENERATORS_AND_CRITICS, 0.5, "last-turn", 0));
    assertThat(examples(set(last, Role.GENERATOR, 0)))
        .hasSize(19)
        .allSatisfy(each -> assertThat(each.question()).matches(".*[13579]"));
    assertThat(set(last, Role.GENERATOR, 0).note()).contains("20 cut at the token limit");
    assertThat(set(last, Role.CRITIC, 0).count()).isEqualTo(29);
    List<Split.TrainingSet> all =
        split(request(script, 2, Trains.GENERATORS_AND_CRITICS, 0.5, "all-turns", 0));
    assertThat(set(all, Role.CRITIC, 0).count()).isEqualTo(9);
    assertThat(set(all, Role.CRITIC, 0).note()).contains("30 cut at the token limit");
  }

  @Test
  void aMethodsSetsAreThoseOfTheModelsThatItTrains() {
    assertThat(split(request(SplitStepTest::learning, 2, Trains.NOTHING, 0.5, "last-turn", 0)))
        .isEmpty();
    assertThat(split(request(SplitStepTest::learning, 2, Trains.GENERATORS, 0.5, "last-turn", 0)))
        .hasSize(3)
        .allSatisfy(each -> assertThat(each.role()).isEqualTo(Role.GENERATOR));
    assertThat(
            split(
                request(
                    SplitStepTest::learning,
                    1,
                    Trains.GENERATORS_AND_CRITICS,
                    0.5,
                    "last-turn",
                    0)))
        .extracting(Split.TrainingSet::role)
        .containsExactly(Role.GENERATOR, Role.GENERATOR, Role.GENERATOR);
  }

  @Test
  void oneModelLearnsTheUnionOfTheAgentsRightFirstAnswers() {
    List<Split.TrainingSet> own =
        split(request(SplitStepTest::learning, 2, Trains.GENERATORS, 0.5, "last-turn", 0));
    List<Split.TrainingSet> pooled =
        split(request(SplitStepTest::learning, 2, Trains.ONE_MODEL, 0.5, "last-turn", 0));
    assertThat(pooled).hasSize(1);
    assertThat(pooled.get(0).agent()).isZero();
    List<String> union = new ArrayList<>();
    own.forEach(set -> examples(set).forEach(each -> union.add(text(each))));
    assertThat(examples(pooled.get(0)))
        .extracting(SplitStepTest::text)
        .containsExactlyInAnyOrderElementsOf(union);
  }

  @Test
  void unfilteredSetsAreAsLargeAsFilteredOnesAndTakeRightAndWrongAnswersAlike() {
    Split.Request filtered =
        request(
            SplitStepTest::learning, ROUNDS, Trains.GENERATORS_AND_CRITICS, 0.5, "last-turn", 0);
    Split.Request control =
        new Split.Request(
            filtered.seed(),
            filtered.iteration(),
            filtered.task(),
            filtered.answers(),
            filtered.votes(),
            filtered.trains(),
            false,
            filtered.criticMix(),
            filtered.criticLoss());
    List<Split.TrainingSet> sets = split(control);
    assertThat(sets)
        .extracting(Split.TrainingSet::count)
        .isEqualTo(split(filtered).stream().map(Split.TrainingSet::count).toList());
    assertThat(sets)
        .allSatisfy(
            set -> {
              assertThat(set.corrected() + set.confirmed()).isZero();
              List<Example> examples = examples(set);
              assertThat(examples).extracting(Example::kind).doesNotContain("corrected");
              assertThat(examples).extracting(Example::question).doesNotHaveDuplicates();
            });
    // Agent 1 is wrong on every second question, and a wrong answer reads 2 or nothing.
    assertThat(examples(set(sets, Role.GENERATOR, 0)))
        .extracting(example -> Integer.parseInt(example.question().substring(9)) % 2)
        .contains(0, 1);
    assertThat(split(control)).isEqualTo(sets);
  }

  private static String text(Example example) {
    return example.question() + java.util.Arrays.toString(example.tokens());
  }

  @Test
  void wrongRequestsAreRefused() {
    assertThatThrownBy(() -> learnt(0.5, "first-turn"))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("last-turn, all-turns");
    assertThatThrownBy(() -> learnt(1.5, "last-turn")).hasMessageContaining("criticMix");
    Split.Request request =
        request(SplitStepTest::learning, 2, Trains.GENERATORS, 0.5, "last-turn", 0);
    assertThatThrownBy(
            () ->
                split(
                    new Split.Request(
                        0,
                        1,
                        "arithmetic",
                        request.answers(),
                        steps.put(new byte[0]),
                        Trains.GENERATORS,
                        true,
                        0.5,
                        "last-turn")))
        .hasMessageContaining("question-0");
  }
}
