package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.temporal.client.WorkflowStub;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.storage.ArtifactRef;

/** The steps that iterations ask for, and when. */
class FinetuningIterationTest {
  /** Two ranges to finetune on and two to evaluate on, the last one short. */
  private static final String SIZES = "\"task\": {\"train\": 4, \"evaluate\": 3}";

  private static final long PATIENCE_SECONDS = 60;

  private final FakeSteps steps = new FakeSteps();

  private ExperimentResult run(String fields) {
    try (TestService service = new TestService(steps)) {
      return service.run("x", "{" + fields + (fields.isEmpty() ? "" : ", ") + SIZES + "}");
    }
  }

  private static Debate.Request debate(
      ExperimentSpec spec,
      Purpose purpose,
      int iteration,
      int agent,
      int round,
      int from,
      int to,
      ArtifactRef speaker,
      ArtifactRef summariser,
      List<ArtifactRef> previous) {
    return new Debate.Request(
        spec.seed(),
        purpose,
        iteration,
        agent,
        round,
        "arithmetic",
        purpose == Purpose.FINETUNE ? FakeSteps.TRAIN_QUESTIONS : FakeSteps.EVALUATE_QUESTIONS,
        from,
        to,
        FakeSteps.PROMPTS,
        speaker,
        summariser,
        previous,
        spec.sampling(),
        8,
        FakeSteps.VERSIONS,
        null,
        null,
        null);
  }

  /** All turns of a debate of 3 agents over 2 rounds. */
  private static List<Debate.Request> debates(
      ExperimentSpec spec, Purpose purpose, int iteration, Society society, boolean summaries) {
    List<Debate.Request> turns = new ArrayList<>();
    int size = purpose == Purpose.FINETUNE ? 4 : 3;
    for (int from = 0; from < size; from += 2) {
      int start = from;
      int to = Math.min(from + 2, size);
      List<ArtifactRef> firstAnswers =
          IntStream.range(0, 3)
              .mapToObj(agent -> FakeSteps.answers(purpose, iteration, 1, agent, start))
              .toList();
      for (int agent = 0; agent < 3; agent++) {
        turns.add(
            debate(
                spec,
                purpose,
                iteration,
                agent,
                1,
                from,
                to,
                society.generators().get(agent),
                null,
                List.of()));
        turns.add(
            debate(
                spec,
                purpose,
                iteration,
                agent,
                2,
                from,
                to,
                society.critics().get(agent),
                summaries ? FakeSteps.BASE : null,
                firstAnswers));
      }
    }
    return turns;
  }

  private static Society society(int iteration) {
    return new Society(models(Role.GENERATOR, iteration), models(Role.CRITIC, iteration));
  }

  private static List<ArtifactRef> models(Role role, int iteration) {
    return IntStream.range(0, 3)
        .mapToObj(agent -> FakeSteps.checkpoint(role, agent, iteration))
        .toList();
  }

  @Test
  void iterationZeroEvaluatesTheUntunedSocietyAndTrainsNothing() {
    ExperimentResult result = run("\"iterations\": 0");
    ExperimentSpec spec = result.experiment().spec();
    Society untuned = Society.copies(FakeSteps.BASE, 3);
    assertThat(steps.requests(Debate.Request.class))
        .containsExactlyInAnyOrderElementsOf(debates(spec, Purpose.EVALUATE, 0, untuned, true));
    assertThat(steps.requests(Split.Request.class)).isEmpty();
    assertThat(steps.requests(Train.Request.class)).isEmpty();
    assertThat(steps.requests(Recording.Request.class))
        .containsExactly(
            new Recording.Request(
                result.experiment(),
                0,
                List.of(FakeSteps.measurements(0, 0), FakeSteps.measurements(0, 2)),
                new Vote.Result(
                    FakeSteps.votes(Purpose.EVALUATE, 0),
                    4,
                    3,
                    1,
                    new StepReport("key", false, 0.0)),
                null,
                null,
                List.of(),
                untuned,
                List.of()));
  }

  @Test
  void agentsWithAdaptersTakeTheirTurnsOfARoundInOneStep() {
    ExperimentResult result = run("\"iterations\": 1, \"training\": {\"tuning\": \"lora\"}");
    ExperimentSpec spec = result.experiment().spec();
    Society untuned = Society.copies(FakeSteps.BASE, 3);
    assertThat(steps.requests(Debate.Request.class)).isEmpty();
    List<Debate.Request> turns = new ArrayList<>();
    turns.addAll(debates(spec, Purpose.EVALUATE, 0, untuned, true));
    turns.addAll(debates(spec, Purpose.FINETUNE, 1, untuned, true));
    turns.addAll(debates(spec, Purpose.EVALUATE, 1, society(1), true));
    List<DebateRound.Request> rounds = steps.requests(DebateRound.Request.class);
    assertThat(rounds)
        .hasSize(turns.size() / 3)
        .allSatisfy(
            round -> {
              assertThat(round).isEqualTo(DebateRound.Request.of(round.turns()));
              assertThat(round.turns())
                  .extracting(
                      Debate.Request::purpose,
                      Debate.Request::iteration,
                      Debate.Request::round,
                      Debate.Request::from,
                      Debate.Request::to)
                  .containsOnly(
                      tuple(
                          round.purpose(),
                          round.iteration(),
                          round.round(),
                          round.from(),
                          round.to()));
              assertThat(round.turns()).extracting(Debate.Request::agent).containsExactly(0, 1, 2);
            });
    assertThat(rounds.stream().flatMap(round -> round.turns().stream()))
        .containsExactlyInAnyOrderElementsOf(turns);
    assertThat(steps.requests(Split.Request.class).get(0).answers())
        .containsExactly(
            roundAnswers(Purpose.FINETUNE, 1, 1), roundAnswers(Purpose.FINETUNE, 1, 2));
    assertThat(steps.trainings(1))
        .extracting(Train.Request::training)
        .containsOnly(spec.training());
  }

  @Test
  void whereOnlyGeneratorsHaveAdaptersOnlyTheFirstRoundIsOneStep() {
    run("\"iterations\": 0, \"training\": {\"generator\": {\"tuning\": \"lora\"}}");
    assertThat(steps.requests(DebateRound.Request.class))
        .extracting(DebateRound.Request::round)
        .containsOnly(1);
    assertThat(steps.requests(Debate.Request.class))
        .hasSize(6)
        .extracting(Debate.Request::round)
        .containsOnly(2);
  }

  @Test
  void aRangeOfARoundMayBeSkippedAsASingleTurnsMay() throws Exception {
    steps.before =
        request -> {
          if (request instanceof DebateRound.Request round
              && round.purpose() == Purpose.FINETUNE
              && round.from() == 0) {
            throw FakeSteps.failure(FailureTypes.DATA, "a question is damaged", 0);
          }
        };
    try (TestService service = new TestService(steps)) {
      WorkflowStub workflow =
          service.start(
              "x", "{\"iterations\": 1, \"training\": {\"tuning\": \"lora\"}, " + SIZES + "}");
      service.await("x", progress -> progress.parked().size() == 1);
      workflow.update("skip", String.class, "round 1 · 3 agents · questions 1-2");
      workflow.getResult(ExperimentResult.class);
    }
    assertThat(steps.requests(Recording.Request.class).get(1).skipped())
        .containsExactly("questions 1-2 stay unlabelled");
  }

  @Test
  void theSocietyDebatesIsTrainedAndDebatesAgain() {
    ExperimentResult result = run("\"iterations\": 1, \"seed\": 7");
    ExperimentSpec spec = result.experiment().spec();
    Society untuned = Society.copies(FakeSteps.BASE, 3);
    assertThat(steps.debates(Purpose.FINETUNE, 1))
        .containsExactlyInAnyOrderElementsOf(debates(spec, Purpose.FINETUNE, 1, untuned, true));
    assertThat(steps.debates(Purpose.EVALUATE, 1))
        .containsExactlyInAnyOrderElementsOf(debates(spec, Purpose.EVALUATE, 1, society(1), true));
    assertThat(steps.requests(Vote.Request.class))
        .containsExactly(
            vote(Purpose.EVALUATE, 0), vote(Purpose.FINETUNE, 1), vote(Purpose.EVALUATE, 1));
    assertThat(steps.requests(Split.Request.class))
        .containsExactly(
            new Split.Request(
                7,
                1,
                "arithmetic",
                List.of(roundAnswers(Purpose.FINETUNE, 1, 1), roundAnswers(Purpose.FINETUNE, 1, 2)),
                FakeSteps.votes(Purpose.FINETUNE, 1),
                Method.Trains.GENERATORS_AND_CRITICS,
                true,
                0.5,
                "last-turn"));
    List<Train.Request> expected = new ArrayList<>();
    for (Role role : Role.values()) {
      for (int agent = 0; agent < 3; agent++) {
        expected.add(
            new Train.Request(
                7,
                role,
                agent,
                1,
                FakeSteps.BASE,
                FakeSteps.examples(role, agent, 1),
                spec.training(),
                FakeSteps.VERSIONS));
      }
    }
    assertThat(steps.requests(Train.Request.class)).containsExactlyInAnyOrderElementsOf(expected);
    assertThat(steps.requests(Evaluate.Request.class))
        .filteredOn(request -> request.iteration() == 1)
        .containsExactlyInAnyOrder(evaluation(0, 2, society(1)), evaluation(2, 3, society(1)));
    Recording.Request record = steps.requests(Recording.Request.class).get(1);
    assertThat(record.labels().votes()).isEqualTo(FakeSteps.votes(Purpose.FINETUNE, 1));
    assertThat(record.split().sets()).hasSize(6);
    assertThat(record.trainings())
        .extracting(Recording.Training::role, Recording.Training::agent)
        .containsExactly(
            tuple(Role.GENERATOR, 0),
            tuple(Role.GENERATOR, 1),
            tuple(Role.GENERATOR, 2),
            tuple(Role.CRITIC, 0),
            tuple(Role.CRITIC, 1),
            tuple(Role.CRITIC, 2));
    assertThat(record.society()).isEqualTo(society(1));
  }

  private static Vote.Request vote(Purpose purpose, int iteration) {
    return new Vote.Request(
        7,
        purpose,
        iteration,
        "arithmetic",
        roundAnswers(purpose, iteration, 2),
        "random",
        1,
        null);
  }

  /** By agent, then by range. */
  private static List<List<ArtifactRef>> roundAnswers(Purpose purpose, int iteration, int round) {
    return IntStream.range(0, 3)
        .mapToObj(
            agent ->
                List.of(
                    FakeSteps.answers(purpose, iteration, round, agent, 0),
                    FakeSteps.answers(purpose, iteration, round, agent, 2)))
        .toList();
  }

  private static Evaluate.Request evaluation(int from, int to, Society society) {
    List<List<ArtifactRef>> answers =
        IntStream.rangeClosed(1, 2)
            .mapToObj(
                round ->
                    IntStream.range(0, 3)
                        .mapToObj(
                            agent -> FakeSteps.answers(Purpose.EVALUATE, 1, round, agent, from))
                        .toList())
            .toList();
    return new Evaluate.Request(
        1,
        "arithmetic",
        FakeSteps.EVALUATE_QUESTIONS,
        from,
        to,
        answers,
        FakeSteps.votes(Purpose.EVALUATE, 1),
        society,
        FakeSteps.BASE,
        "self",
        "base",
        8,
        FakeSteps.VERSIONS);
  }

  @Test
  void roleOverridesReachTheTrainings() {
    run("\"iterations\": 1, \"training\": {\"epochs\": 4, \"critic\": {\"epochs\": 9}}");
    assertThat(steps.trainings(1)).hasSize(6);
    for (Train.Request training : steps.trainings(1)) {
      assertThat(training.training().epochs()).isEqualTo(training.role() == Role.CRITIC ? 9 : 4);
      assertThat(training.training().critic()).isNull();
    }
  }

  @Test
  void aRoundOfARangeWaitsForAllAgentsOnThatRangeOnly() {
    // The first range's first round is held back until the second range is through its last.
    CountDownLatch secondRangeDone = new CountDownLatch(3);
    steps.before =
        request -> {
          if (request instanceof Debate.Request turn && turn.from() == 0 && turn.round() == 1) {
            await(secondRangeDone);
          }
        };
    List<String> finished = new java.util.concurrent.CopyOnWriteArrayList<>();
    steps.after =
        request -> {
          if (request instanceof Debate.Request turn) {
            finished.add(turn.from() + "/" + turn.round());
            if (turn.from() == 2 && turn.round() == 2) {
              secondRangeDone.countDown();
            }
          }
        };
    run("\"iterations\": 0");
    assertThat(finished.subList(0, 6)).containsExactly("2/1", "2/1", "2/1", "2/2", "2/2", "2/2");
  }

  @Test
  void allAgentsAndRangesOfARoundRunAtOnce() {
    CountDownLatch together = new CountDownLatch(6);
    steps.before =
        request -> {
          if (request instanceof Debate.Request turn && turn.round() == 1) {
            together.countDown();
            await(together);
          }
        };
    run("\"iterations\": 0");
    assertThat(together.getCount()).isZero();
  }

  @Test
  void allTrainingsRunAtOnce() {
    CountDownLatch together = new CountDownLatch(6);
    steps.before =
        request -> {
          if (request instanceof Train.Request) {
            together.countDown();
            await(together);
          }
        };
    run("\"iterations\": 1");
    assertThat(together.getCount()).isZero();
  }

  private static void await(CountDownLatch latch) {
    try {
      if (!latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        throw io.temporal.failure.ApplicationFailure.newNonRetryableFailure(
            "what should run meanwhile does not", FailureTypes.BUG);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Test
  void anUnfinishedTrainingIsAskedForAgainUntilItIsFinished() {
    steps.trainingParts.put("critic-2", 3);
    ExperimentResult result = run("\"iterations\": 1");
    assertThat(steps.trainings(1)).hasSize(8);
    assertThat(steps.trainings(1))
        .filteredOn(request -> request.role() == Role.CRITIC && request.agent() == 1)
        .hasSize(3)
        .containsOnly(
            new Train.Request(
                0,
                Role.CRITIC,
                1,
                1,
                FakeSteps.BASE,
                FakeSteps.examples(Role.CRITIC, 1, 1),
                result.experiment().spec().training(),
                FakeSteps.VERSIONS));
    assertThat(result.iterations().get(1).weights())
        .containsEntry("critic-2", FakeSteps.checkpoint(Role.CRITIC, 1, 1).sha256());
  }

  @Test
  void aModelWithoutExamplesKeepsItsWeights() {
    steps.exampleCounts.put("generator-1", 0);
    steps.exampleCounts.put("critic-3", 0);
    ExperimentResult result = run("\"iterations\": 1");
    assertThat(steps.trainings(1)).hasSize(4);
    assertThat(result.iterations().get(1).weights())
        .containsEntry("generator-1", FakeSteps.BASE.sha256())
        .containsEntry("generator-2", FakeSteps.checkpoint(Role.GENERATOR, 1, 1).sha256())
        .containsEntry("critic-3", FakeSteps.BASE.sha256());
  }

  @ParameterizedTest
  @CsvSource({"previous", "base"})
  void laterIterationsStartFromThePreviousWeightsOrTheBase(String startFrom) {
    run("\"iterations\": 2, \"startFrom\": \"" + startFrom + "\"");
    assertThat(steps.trainings(2)).hasSize(6);
    for (Train.Request training : steps.trainings(2)) {
      assertThat(training.start())
          .isEqualTo(
              startFrom.equals("base")
                  ? FakeSteps.BASE
                  : FakeSteps.checkpoint(training.role(), training.agent(), 1));
    }
    // Who debates is the previous society in both cases.
    assertThat(steps.debates(Purpose.FINETUNE, 2))
        .filteredOn(turn -> turn.round() == 1 && turn.agent() == 0)
        .extracting(Debate.Request::speaker)
        .containsOnly(FakeSteps.checkpoint(Role.GENERATOR, 0, 1));
  }

  @Test
  void aModelThatKeepsItsWeightsKeepsThePreviousOnesEvenWhereTrainingStartsFromTheBase() {
    steps.before =
        request -> {
          if (request instanceof Split.Request split && split.iteration() == 2) {
            steps.exampleCounts.put("generator-1", 0);
          }
        };
    ExperimentResult result = run("\"iterations\": 2, \"startFrom\": \"base\"");
    assertThat(result.iterations().get(2).weights())
        .containsEntry("generator-1", FakeSteps.checkpoint(Role.GENERATOR, 0, 1).sha256());
  }

  @Test
  void withoutSummariesNobodySummarises() {
    ExperimentResult result = run("\"iterations\": 1, \"method\": \"multiagent-ft-no-summary\"");
    assertThat(steps.debates(Purpose.EVALUATE, 1))
        .containsExactlyInAnyOrderElementsOf(
            debates(result.experiment().spec(), Purpose.EVALUATE, 1, society(1), false));
  }

  @Test
  void anAgentAloneHasNobodyToSummarise() {
    run("\"iterations\": 0, \"agents\": 1");
    assertThat(steps.requests(Debate.Request.class))
        .hasSize(4)
        .allMatch(turn -> turn.summariser() == null);
  }

  @ParameterizedTest
  @CsvSource({
    // method, turns on finetuning questions, turns on evaluation questions, trainings in all
    "base, 0, 1, 0",
    "majority, 0, 3, 0",
    "debate, 0, 6, 0",
    "cooperative, 0, 6, 0",
    "unique-id, 0, 6, 0",
    "star, 2, 1, 1",
    "majority-ft, 3, 3, 1",
    "single-agent-ft, 6, 6, 1",
    "single-agent-ft-no-debate, 6, 1, 1",
    "single-agent-ft-t2, 6, 6, 1",
    "multiagent-ft, 6, 6, 6",
    "cooperative-ft, 6, 6, 6",
    "multiagent-ft-no-summary, 6, 6, 6",
    "multiagent-ft-no-critic, 6, 6, 3",
    "multiagent-ft-unfiltered, 6, 6, 6"
  })
  void everyMethodIsAPresetOfTheOnePipeline(
      String method, int finetuning, int evaluation, int trainings) {
    boolean trains = trainings > 0;
    ExperimentResult result =
        run("\"method\": \"" + method + "\", \"iterations\": " + (trains ? 1 : 0));
    // Two ranges each.
    assertThat(steps.debates(Purpose.EVALUATE, 0)).hasSize(2 * evaluation);
    assertThat(steps.debates(Purpose.FINETUNE, 1)).hasSize(2 * finetuning);
    assertThat(steps.requests(Train.Request.class)).hasSize(trainings);
    assertThat(result.iterations()).hasSize(trains ? 2 : 1);
    if (trains) {
      assertThat(steps.requests(Split.Request.class))
          .extracting(Split.Request::trains)
          .containsExactly(Method.named(method).trains());
    }
  }

  @Test
  void starTakesTheTrueAnswersAsLabelsAndAsHintsAndStartsAnew() {
    run("\"method\": \"star\", \"iterations\": 2");
    for (int iteration : new int[] {1, 2}) {
      assertThat(steps.debates(Purpose.FINETUNE, iteration))
          .extracting(Debate.Request::agent, Debate.Request::from, Debate.Request::mistakes)
          .containsExactlyInAnyOrder(
              tuple(0, 0, null),
              tuple(0, 2, null),
              tuple(1, 0, FakeSteps.answers(Purpose.FINETUNE, iteration, 1, 0, 0)),
              tuple(1, 2, FakeSteps.answers(Purpose.FINETUNE, iteration, 1, 0, 2)));
      assertThat(steps.trainings(iteration))
          .singleElement()
          .matches(training -> training.start().equals(FakeSteps.BASE));
    }
    assertThat(steps.debates(Purpose.EVALUATE, 2)).allMatch(turn -> turn.mistakes() == null);
    assertThat(steps.requests(Vote.Request.class))
        .extracting(Vote.Request::purpose, Vote.Request::truth)
        .containsExactly(
            tuple(Purpose.EVALUATE, null),
            tuple(Purpose.FINETUNE, FakeSteps.TRAIN_QUESTIONS),
            tuple(Purpose.EVALUATE, null),
            tuple(Purpose.FINETUNE, FakeSteps.TRAIN_QUESTIONS),
            tuple(Purpose.EVALUATE, null));
    // To the split, what was said with a hint is another agent's.
    assertThat(steps.requests(Split.Request.class).get(0).answers())
        .containsExactly(
            List.of(
                List.of(
                    FakeSteps.answers(Purpose.FINETUNE, 1, 1, 0, 0),
                    FakeSteps.answers(Purpose.FINETUNE, 1, 1, 0, 2)),
                List.of(
                    FakeSteps.answers(Purpose.FINETUNE, 1, 1, 1, 0),
                    FakeSteps.answers(Purpose.FINETUNE, 1, 1, 1, 2))));
  }

  @Test
  void agentsAreToldHowToDealWithOneAnother() {
    run("\"method\": \"unique-id\"");
    assertThat(steps.debates(Purpose.EVALUATE, 0))
        .allMatch(turn -> turn.style() == Method.Style.UNIQUE_ID && turn.agents() == 3);
    steps.requests.clear();
    run("\"method\": \"cooperative\"");
    assertThat(steps.debates(Purpose.EVALUATE, 0))
        .allMatch(turn -> turn.style() == Method.Style.COOPERATE && turn.agents() == null);
  }

  @Test
  void everyStepIsToldHowAnswersAreReadAndComparedWithHintsToo() {
    try (TestService service = new TestService(steps)) {
      service.run(
          "x",
          "{\"method\": \"star\", \"iterations\": 1, \"task\": {\"name\": \"mine\", \"train\": 4,"
              + " \"evaluate\": 3, \"answers\": \"number-1\", \"checker\": \"released-code\"}}");
    }
    assertThat(steps.debates(Purpose.FINETUNE, 1)).anyMatch(turn -> turn.mistakes() != null);
    assertThat(steps.requests(Debate.Request.class))
        .extracting(Debate.Request::task)
        .containsOnly("number-1/default/released-code");
    assertThat(steps.requests(Split.Request.class))
        .extracting(Split.Request::task)
        .containsOnly("number-1/default/released-code");
  }

  @Test
  void anotherTaskIsEvaluatedOnInItsOwnWay() {
    try (TestService service = new TestService(steps)) {
      service.run(
          "x",
          "{\"iterations\": 1, \"task\": {\"train\": 4}, \"evaluateOn\":"
              + " {\"name\": \"other\", \"evaluate\": 3, \"answers\": \"number-1\"}}");
    }
    assertThat(steps.debates(Purpose.FINETUNE, 1))
        .hasSize(12)
        .allMatch(turn -> turn.task().equals("arithmetic"))
        .allMatch(turn -> turn.prompts().equals(FakeSteps.PROMPTS))
        .allMatch(turn -> turn.questions().equals(FakeSteps.TRAIN_QUESTIONS));
    assertThat(steps.debates(Purpose.EVALUATE, 1))
        .hasSize(12)
        .allMatch(turn -> turn.task().equals("number-1"))
        .allMatch(turn -> turn.prompts().equals(FakeSteps.EVALUATE_PROMPTS));
    assertThat(steps.requests(Vote.Request.class))
        .extracting(Vote.Request::purpose, Vote.Request::task)
        .containsExactly(
            tuple(Purpose.EVALUATE, "number-1"),
            tuple(Purpose.FINETUNE, "arithmetic"),
            tuple(Purpose.EVALUATE, "number-1"));
    assertThat(steps.requests(Split.Request.class))
        .extracting(Split.Request::task)
        .containsExactly("arithmetic");
    assertThat(steps.requests(Evaluate.Request.class))
        .extracting(Evaluate.Request::task, Evaluate.Request::to)
        .containsExactlyInAnyOrder(
            tuple("number-1", 2), tuple("number-1", 3), tuple("number-1", 2), tuple("number-1", 3));
  }

  @ParameterizedTest
  @CsvSource({"multiagent-ft", "star"})
  void everyIterationMayHaveQuestionsOfItsOwn(String method) {
    ExperimentResult result =
        run("\"iterations\": 3, \"questions\": \"fresh\", \"method\": \"" + method + "\"");
    TaskSpec task = result.experiment().spec().task();
    assertThat(steps.requests(FreshQuestions.Request.class))
        .containsExactly(
            new FreshQuestions.Request(0, 2, task, FakeSteps.TRAIN_QUESTIONS),
            new FreshQuestions.Request(0, 3, task, FakeSteps.TRAIN_QUESTIONS));
    for (int iteration = 1; iteration <= 3; iteration++) {
      ArtifactRef questions =
          iteration == 1 ? FakeSteps.TRAIN_QUESTIONS : FakeSteps.freshQuestions(iteration);
      assertThat(steps.debates(Purpose.FINETUNE, iteration))
          .isNotEmpty()
          .allMatch(turn -> turn.questions().equals(questions));
      assertThat(steps.debates(Purpose.EVALUATE, iteration))
          .allMatch(turn -> turn.questions().equals(FakeSteps.EVALUATE_QUESTIONS));
      assertThat(steps.requests(Recording.Request.class).get(iteration).trainQuestions())
          .isEqualTo(iteration == 1 ? null : questions);
      assertThat(steps.requests(Vote.Request.class).get(2 * iteration - 1).truth())
          .isEqualTo(method.equals("star") ? questions : null);
    }
    assertThat(result.phases()).containsKey("draw questions");
  }

  @Test
  void oneSampleOfTheOneModelIsEvaluatedWhereThereIsNoDebate() {
    run("\"method\": \"single-agent-ft-no-debate\", \"iterations\": 1");
    ArtifactRef tuned = FakeSteps.checkpoint(Role.GENERATOR, 0, 1);
    assertThat(steps.requests(Evaluate.Request.class))
        .filteredOn(request -> request.iteration() == 1)
        .allMatch(request -> request.society().equals(Society.copies(tuned, 1)));
    assertThat(steps.requests(Recording.Request.class).get(1).society())
        .isEqualTo(Society.copies(tuned, 3));
  }

  @Test
  void withoutCriticsGeneratorsSpeakInLaterRoundsToo() {
    run("\"method\": \"multiagent-ft-no-critic\", \"iterations\": 1");
    for (Debate.Request turn : steps.debates(Purpose.EVALUATE, 1)) {
      assertThat(turn.speaker()).isEqualTo(FakeSteps.checkpoint(Role.GENERATOR, turn.agent(), 1));
    }
  }

  @Test
  void theOneModelPlaysEveryPart() {
    run("\"method\": \"single-agent-ft\", \"iterations\": 2");
    ArtifactRef tuned = FakeSteps.checkpoint(Role.GENERATOR, 0, 1);
    assertThat(steps.debates(Purpose.EVALUATE, 1)).hasSize(12);
    assertThat(steps.debates(Purpose.EVALUATE, 1)).allMatch(turn -> turn.speaker().equals(tuned));
    assertThat(steps.trainings(2)).singleElement().matches(next -> next.start().equals(tuned));
  }

  @Test
  void stepsAndTheirTimeAreCounted() {
    ExperimentResult result = run("\"iterations\": 1");
    // Evaluation twice: 12 turns, 1 vote, 2 ranges; finetuning: 12 turns, vote, split, 6 trainings.
    assertThat(result.computedSteps()).isEqualTo(2 * 15 + 12 + 1 + 1 + 6);
    assertThat(result.reusedSteps()).isZero();
    assertThat(result.phases())
        .containsOnlyKeys("debate", "vote", "split", "train", "evaluate", "record")
        .allSatisfy((step, seconds) -> assertThat(seconds).isNotNegative());
  }

  @Test
  void anUnfinishedPartIsNotAStepOfItsOwn() {
    steps.trainingParts.putAll(Map.of("critic-1", 2, "generator-1", 4));
    assertThat(run("\"iterations\": 1").computedSteps()).isEqualTo(50);
  }

  @Test
  void reusedStepsAreCountedApart() {
    steps.reused = true;
    ExperimentResult result = run("\"iterations\": 0");
    assertThat(result.computedSteps()).isZero();
    assertThat(result.reusedSteps()).isEqualTo(15);
  }

  @Test
  void aForkAsksForTheSameStepsAsItsExperimentUntilItsIteration() {
    ExperimentSpec first = PolyphonyDataConverter.parse("{\"criticMix\": 0.1, \"seed\": 1}");
    steps.origin = new Experiment.Origin("begun", 2, completed(first), null);
    run("\"criticMix\": 0.9, \"seed\": 2, \"iterations\": 2");

    assertThat(steps.requests(Split.Request.class))
        .extracting(Split.Request::iteration, Split.Request::criticMix)
        .containsExactly(tuple(1, 0.1), tuple(2, 0.9));
    assertThat(steps.debates(Purpose.FINETUNE, 1)).allMatch(each -> each.seed() == 1);
    assertThat(steps.debates(Purpose.EVALUATE, 0)).allMatch(each -> each.seed() == 1);
    assertThat(steps.debates(Purpose.FINETUNE, 2)).allMatch(each -> each.seed() == 2);
    assertThat(steps.trainings(1)).allMatch(each -> each.seed() == 1);
    assertThat(steps.trainings(2)).allMatch(each -> each.seed() == 2);
  }

  @Test
  void aForkWithAnotherSeedHasTheQuestionsOfTheExperimentThatBegan() {
    String fresh = "\"iterations\": 3, \"questions\": \"fresh\"";
    ExperimentSpec first = PolyphonyDataConverter.parse("{\"seed\": 1, " + fresh + "}");
    steps.origin = new Experiment.Origin("begun", 3, completed(first), null);
    run("\"seed\": 2, " + fresh);

    assertThat(steps.requests(FreshQuestions.Request.class))
        .extracting(FreshQuestions.Request::iteration, FreshQuestions.Request::seed)
        .containsExactly(tuple(2, 1L), tuple(3, 1L));
    assertThat(steps.debates(Purpose.FINETUNE, 3)).allMatch(each -> each.seed() == 2);
  }

  private static ExperimentSpec completed(ExperimentSpec spec) {
    return SpecDefaults.complete(
        spec.withTask(new TaskSpec("arithmetic", 4, 3, null), null), ModelDefaults.NONE);
  }
}
