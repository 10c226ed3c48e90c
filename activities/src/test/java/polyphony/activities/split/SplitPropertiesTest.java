package polyphony.activities.split;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.TestSteps;
import polyphony.activities.debate.Answer;
import polyphony.activities.debate.TestAnswers;
import polyphony.activities.tasks.Tasks;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.workflows.Method.Trains;
import polyphony.workflows.Role;
import polyphony.workflows.Split;

/** What holds for every split, over small random debates. */
class SplitPropertiesTest {
  private static final int CASES = 20;
  private static final String[] ANSWERS = {"1", "2", "3", null};
  private static final List<Trains> TRAINING =
      List.of(Trains.GENERATORS_AND_CRITICS, Trains.GENERATORS, Trains.ONE_MODEL);
  private static final double[] SHARES = {0, 0.1, 0.25, 0.5, 0.8, 1};

  @TempDir Path folder;
  private TestSteps steps;
  private final RandomGenerator random = new SplittableRandom(23);

  @BeforeEach
  void aStore() {
    steps = new TestSteps(folder.resolve("one"));
  }

  @AfterEach
  void closeTheStore() {
    steps.close();
  }

  /**
   * A debate.
   *
   * @param said by agent, then by round, then by question
   * @param labels by question; null where there is none
   */
  private record Debate(List<List<List<Answer>>> said, List<String> labels) {
    int agents() {
      return said.size();
    }

    int rounds() {
      return said.get(0).size();
    }

    int questions() {
      return labels.size();
    }

    List<Label> votes() {
      return IntStream.range(0, questions())
          .mapToObj(
              index ->
                  new Label(index, "question-" + index, labels.get(index), List.of(), 1, false))
          .toList();
    }

    boolean firstIsLabel(int agent, int question) {
      return isLabel(said.get(agent).get(0).get(question), question);
    }

    boolean lastIsLabel(int agent, int question) {
      return isLabel(said.get(agent).get(rounds() - 1).get(question), question);
    }

    private boolean isLabel(Answer answer, int question) {
      return answer.answer() != null && answer.answer().equals(labels.get(question));
    }

    /** Whether it is allowed to train: an answer cut at the token limit never does. */
    boolean firstEnded(int agent, int question) {
      return said.get(agent).get(0).get(question).ended();
    }

    boolean learntEnded(int agent, int question, boolean allTurns) {
      return IntStream.range(allTurns ? 0 : rounds() - 1, rounds())
          .allMatch(round -> said.get(agent).get(round).get(question).ended());
    }
  }

  private Debate debate(int rounds) {
    int agents = 1 + random.nextInt(4);
    int questions = 2 + random.nextInt(14);
    List<List<List<Answer>>> said = new ArrayList<>();
    for (int agent = 0; agent < agents; agent++) {
      List<List<Answer>> byRound = new ArrayList<>();
      for (int round = 1; round <= rounds; round++) {
        List<Answer> answers = new ArrayList<>();
        for (int index = 0; index < questions; index++) {
          String answer = ANSWERS[random.nextInt(ANSWERS.length)];
          answers.add(TestAnswers.answer(index, agent, round, answer, random.nextInt(10) > 0));
        }
        byRound.add(answers);
      }
      said.add(byRound);
    }
    List<String> labels = new ArrayList<>(); // holds nulls
    for (int index = 0; index < questions; index++) {
      labels.add(random.nextInt(6) == 0 ? null : random.nextInt(4) == 0 ? "2" : "1");
    }
    return new Debate(said, labels);
  }

  private static Split.Request request(
      TestSteps steps, Debate debate, Trains trains, double mix, String loss, int rangeSize) {
    List<List<List<ArtifactRef>>> answers = new ArrayList<>();
    for (int round = 0; round < debate.rounds(); round++) {
      List<List<ArtifactRef>> byAgent = new ArrayList<>();
      for (int agent = 0; agent < debate.agents(); agent++) {
        List<Answer> own = debate.said().get(agent).get(round);
        List<ArtifactRef> ranges = new ArrayList<>();
        for (int from = 0; from < own.size(); from += rangeSize) {
          ranges.add(
              steps.put(
                  JsonLines.write(own.subList(from, Math.min(from + rangeSize, own.size())))));
        }
        byAgent.add(ranges);
      }
      answers.add(byAgent);
    }
    return new Split.Request(
        5,
        1,
        "arithmetic",
        answers,
        steps.put(JsonLines.write(debate.votes())),
        trains,
        true,
        mix,
        loss);
  }

  private static List<Split.TrainingSet> split(TestSteps steps, Split.Request request) {
    return steps
        .run(
            SplitStep.NAME,
            request,
            Split.Result.class,
            attempt -> new SplitStep().run(request, attempt))
        .sets();
  }

  private List<Example> examples(Split.TrainingSet set) {
    return JsonLines.read(steps.artifacts().bytes(set.examples()), Example.class);
  }

  private static List<String> questions(List<Debated> debated) {
    return debated.stream().map(Debated::question).toList();
  }

  private static List<String> where(Debate debate, IntPredicate holds) {
    return IntStream.range(0, debate.questions())
        .filter(holds)
        .mapToObj(index -> "question-" + index)
        .toList();
  }

  private String loss() {
    return random.nextBoolean() ? "last-turn" : "all-turns";
  }

  @Test
  void anAgentsSetsAreThoseOfTheirDefinition() {
    int[] sizes = new int[3];
    for (int i = 0; i < CASES; i++) {
      Debate debate = debate(1 + random.nextInt(3));
      String loss = loss();
      boolean allTurns = loss.equals("all-turns");
      List<List<Debated>> byAgent =
          Debated.byAgent(
              request(steps, debate, Trains.GENERATORS_AND_CRITICS, 0.5, loss, 100),
              debate.votes(),
              steps.artifacts(),
              Tasks.grader("arithmetic"),
              UnaryOperator.identity());
      assertThat(byAgent).hasSize(debate.agents());
      for (int n = 0; n < debate.agents(); n++) {
        int agent = n;
        AgentSets sets = AgentSets.of(byAgent.get(agent), allTurns);
        // D^G: y_1 is the label.
        assertThat(questions(sets.generator()))
            .isEqualTo(
                where(debate, x -> debate.firstIsLabel(agent, x) && debate.firstEnded(agent, x)));
        // D^C-: y_1 is not the label, y_M is. D^C+: both are.
        assertThat(questions(sets.corrected()))
            .isEqualTo(
                where(
                    debate,
                    x ->
                        !debate.firstIsLabel(agent, x)
                            && debate.lastIsLabel(agent, x)
                            && debate.learntEnded(agent, x, allTurns)));
        assertThat(questions(sets.confirmed()))
            .isEqualTo(
                where(
                    debate,
                    x ->
                        debate.firstIsLabel(agent, x)
                            && debate.lastIsLabel(agent, x)
                            && debate.learntEnded(agent, x, allTurns)));
        // The two make up all last answers that are the label, and share none.
        assertThat(Collections.disjoint(questions(sets.corrected()), questions(sets.confirmed())))
            .isTrue();
        assertThat(Collections.disjoint(questions(sets.corrected()), questions(sets.generator())))
            .isTrue();
        assertThat(sets.corrected().size() + sets.confirmed().size() + sets.cutLast())
            .isEqualTo(where(debate, x -> debate.lastIsLabel(agent, x)).size());
        sizes[0] += sets.generator().size();
        sizes[1] += sets.corrected().size();
        sizes[2] += sets.confirmed().size();
      }
    }
    assertThat(Arrays.stream(sizes)).as("examples in all").allMatch(size -> size > CASES / 2);
  }

  @Test
  void trainingSetsHoldWhatTheSetsHoldAndNothingOfAnotherAgent() {
    for (int i = 0; i < CASES; i++) {
      Debate debate = debate(2 + random.nextInt(2));
      String loss = loss();
      double share = SHARES[i % SHARES.length];
      Split.Request request =
          request(steps, debate, Trains.GENERATORS_AND_CRITICS, share, loss, 1 + random.nextInt(8));
      List<List<Debated>> byAgent =
          Debated.byAgent(
              request,
              debate.votes(),
              steps.artifacts(),
              Tasks.grader("arithmetic"),
              UnaryOperator.identity());
      List<Split.TrainingSet> trained = split(steps, request);
      assertThat(trained).hasSize(2 * debate.agents());
      for (Split.TrainingSet set : trained) {
        AgentSets sets = AgentSets.of(byAgent.get(set.agent()), loss.equals("all-turns"));
        List<Example> examples = examples(set);
        for (Example example : examples) {
          assertThat(IntStream.of(example.tokens()).map(TestAnswers::agentOf))
              .isNotEmpty()
              .allMatch(agent -> agent == set.agent());
        }
        if (set.role() == Role.GENERATOR) {
          assertThat(examples.stream().map(Example::question).toList())
              .isEqualTo(questions(sets.generator()));
        } else {
          assertThat(of(examples, "corrected")).isSubsetOf(questions(sets.corrected()));
          assertThat(of(examples, "confirmed")).isSubsetOf(questions(sets.confirmed()));
          assertThat(examples).extracting(Example::question).doesNotHaveDuplicates();
          assertMix(
              share,
              of(examples, "corrected").size(),
              of(examples, "confirmed").size(),
              sets.corrected().size(),
              sets.confirmed().size());
        }
      }
    }
  }

  private static List<String> of(List<Example> examples, String kind) {
    return examples.stream()
        .filter(each -> each.kind().equals(kind))
        .map(Example::question)
        .toList();
  }

  /** A share w of D^C-, to one example, of as many as there can be. */
  private static void assertMix(
      double share, int corrected, int confirmed, int allCorrected, int allConfirmed) {
    if (share == 0 || share == 1) {
      assertThat(corrected).isEqualTo(share == 1 ? allCorrected : 0);
      assertThat(confirmed).isEqualTo(share == 0 ? allConfirmed : 0);
    } else if (allCorrected == 0 || allConfirmed == 0) {
      assertThat(corrected).isEqualTo(allCorrected);
      assertThat(confirmed).isEqualTo(allConfirmed);
    } else {
      int n = corrected + confirmed;
      assertThat(Math.abs(corrected - share * n)).isLessThan(1);
      // One more of either kind would break the proportion, or is not there.
      boolean moreCorrected =
          corrected < allCorrected && Math.abs(corrected + 1 - share * (n + 1)) <= 0.499;
      boolean moreConfirmed =
          confirmed < allConfirmed && Math.abs(corrected - share * (n + 1)) <= 0.499;
      assertThat(moreCorrected || moreConfirmed).isFalse();
    }
  }

  @Test
  void equalSeedsGiveEqualBytesHoweverTheAnswersAreCutIntoRanges() {
    try (TestSteps other = new TestSteps(folder.resolve("other"))) {
      for (int i = 0; i < CASES / 2; i++) {
        Debate debate = debate(1 + random.nextInt(3));
        Trains trains = TRAINING.get(i % TRAINING.size());
        double share = SHARES[random.nextInt(SHARES.length)];
        String loss = loss();
        List<Split.TrainingSet> whole =
            split(steps, request(steps, debate, trains, share, loss, 100));
        List<Split.TrainingSet> cut =
            split(
                other,
                request(
                    other, debate, trains, share, loss, 1 + random.nextInt(debate.questions())));
        assertThat(cut).isEqualTo(whole).isNotEmpty();
        for (Split.TrainingSet set : cut) {
          assertThat(other.artifacts().bytes(set.examples()))
              .isEqualTo(steps.artifacts().bytes(set.examples()));
        }
      }
    }
  }
}
