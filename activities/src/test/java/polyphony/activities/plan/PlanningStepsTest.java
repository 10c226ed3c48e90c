package polyphony.activities.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.temporal.testing.TestActivityEnvironment;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.LightActivities;
import polyphony.activities.ModelStep;
import polyphony.activities.StepRunner;
import polyphony.activities.StoreInFolder;
import polyphony.activities.WatchedObjectStore;
import polyphony.activities.debate.TestAnswers;
import polyphony.activities.evaluate.RecordStep;
import polyphony.activities.split.SplitStep;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.ObjectStore;
import polyphony.storage.OverlaidObjectStore;
import polyphony.storage.Sealed;
import polyphony.storage.Steps;
import polyphony.storage.Worker;
import polyphony.workflows.Activities;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Method;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.Purpose;
import polyphony.workflows.Role;
import polyphony.workflows.SpecDefaults;
import polyphony.workflows.Split;
import polyphony.workflows.Train;
import polyphony.workflows.Vote;

class PlanningStepsTest {
  private static final ExperimentSpec SPEC =
      SpecDefaults.complete(ExperimentSpec.empty(), ModelDefaults.NONE);

  @TempDir private Path folder;
  private final TestActivityEnvironment environment = TestActivityEnvironment.newInstance();
  private StoreInFolder below;
  private ArtifactRef some;

  /** What the planned steps see. */
  private ObjectStore seen;

  private StepRunner runner;
  private PlanningSteps planning;

  @BeforeEach
  void open() {
    below = new StoreInFolder(folder);
    some = below.lines(List.of("some"));
  }

  private void planOn(ObjectStore there) {
    seen = new OverlaidObjectStore(there, new FolderObjectStore(folder.resolve("above")));
    Artifacts artifacts =
        new Artifacts(seen, new LocalCache(folder.resolve("cache-above"), 1L << 30));
    Steps steps = new Steps(seen, artifacts, Worker.here("cpu", Map.of()), Clock.systemUTC());
    runner = new StepRunner(steps, null);
    environment.registerActivitiesImplementations(
        new LightActivities(
            runner,
            null,
            null,
            null,
            null,
            new VoteStep(),
            new SplitStep(),
            null,
            null,
            null,
            null,
            null));
    planning =
        new PlanningSteps(
            steps,
            environment.newActivityStub(Activities.Light.class),
            Rates.read(below.store, experiment(), "cpu"));
  }

  @AfterEach
  void close() {
    environment.close();
    runner.close();
  }

  private Experiment experiment() {
    return new Experiment(
        "before", SPEC, some, some, some, some, new Experiment.BatchPlan(250, 50), Map.of());
  }

  private Debate.Request debate(int agent, int round, List<ArtifactRef> previous) {
    return new Debate.Request(
        0,
        Purpose.FINETUNE,
        1,
        agent,
        round,
        "arithmetic",
        some,
        0,
        4,
        some,
        some,
        null,
        previous,
        SPEC.sampling(),
        50,
        Map.of(),
        null,
        null,
        null);
  }

  /** Puts a debate into the store that is planned on. */
  private Debate.Result debated(Debate.Request request, String... answers) throws Exception {
    return below
        .steps
        .run(
            ModelStep.DEBATE.step(request),
            Debate.Result.class,
            attempt ->
                Optional.of(
                    new Debate.Result(
                        attempt.put(
                            JsonLines.write(
                                IntStream.range(0, answers.length)
                                    .mapToObj(
                                        i ->
                                            TestAnswers.answer(
                                                i,
                                                request.agent(),
                                                request.round(),
                                                answers[i],
                                                true))
                                    .toList()),
                            JsonLines.MEDIA_TYPE,
                            "answers.jsonl"),
                        answers.length,
                        0,
                        8,
                        null)))
        .result()
        .orElseThrow();
  }

  private Vote.Request vote(ArtifactRef... answers) {
    return new Vote.Request(
        0,
        Purpose.FINETUNE,
        1,
        "arithmetic",
        List.of(answers).stream().map(List::of).toList(),
        "first",
        1,
        null);
  }

  private boolean isThere(ArtifactRef artifact) {
    return seen.size(Artifacts.key(artifact)).isPresent();
  }

  @Test
  void whatIsThereIsReusedAndTheRestIsImagined() throws Exception {
    planOn(below.store);
    Debate.Result before = debated(debate(0, 1, List.of()), "1", "2", "3", "4");
    Debate.Result reused = planning.debate(debate(0, 1, List.of()));
    Debate.Result imagined = planning.debate(debate(1, 1, List.of()));
    Debate.Result follows =
        planning.debate(debate(0, 2, List.of(reused.answers(), imagined.answers())));

    assertThat(reused.withStep(null)).isEqualTo(before);
    assertThat(reused.step().reused()).isTrue();
    assertThat(imagined.step().reused()).isFalse();
    assertThat(isThere(imagined.answers())).isFalse();
    assertThat(follows.answers()).isNotEqualTo(imagined.answers());
    assertThat(planning.planned())
        .extracting(PlannedStep::reused)
        .containsExactly(true, false, false);
    assertThat(planning.planned())
        .extracting(each -> each.wave().name())
        .containsExactly("finetune, round 1", "finetune, round 1", "finetune, round 2");
  }

  @Test
  void aRoundOfAllAgentsIsPlannedAsOneStepOfAllTheirAnswers() {
    planOn(below.store);
    DebateRound.Request round =
        DebateRound.Request.of(List.of(debate(0, 1, List.of()), debate(1, 1, List.of())));
    DebateRound.Result imagined = planning.debateRound(round);

    assertThat(imagined.turns()).extracting(Debate.Result::answers).doesNotHaveDuplicates();
    assertThat(planning.debateRound(round).turns()).isEqualTo(imagined.turns());
    List<ArtifactRef> answers = imagined.turns().stream().map(Debate.Result::answers).toList();
    assertThat(planning.vote(vote(answers.get(0), answers.get(1))).questions()).isEqualTo(4);
    assertThat(planning.planned().get(0))
        .isEqualTo(
            new PlannedStep(
                "debate-round",
                new PlannedStep.Wave(1, "finetune, round 1"),
                false,
                new Work("first answers, together", 8)));
    assertThat(planning.planned().get(1).reused()).isTrue();
  }

  private static <T> List<T> atOnce(int threads, Callable<T> work) throws Exception {
    ExecutorService executor = Executors.newFixedThreadPool(threads);
    try {
      List<T> results = new ArrayList<>();
      List<Callable<T>> same = IntStream.range(0, threads).mapToObj(i -> work).toList();
      for (Future<T> each : executor.invokeAll(same)) {
        results.add(each.get());
      }
      return results;
    } finally {
      executor.shutdownNow();
    }
  }

  @Test
  void ofThoseThatAskForTheSameAtOnceOneComputesIt() throws Exception {
    planOn(below.store);
    for (int agent = 0; agent < 50; agent++) {
      Debate.Request request = debate(agent, 1, List.of());
      List<Debate.Result> results = atOnce(4, () -> planning.debate(request));
      assertThat(results).extracting(Debate.Result::answers).containsOnly(results.get(0).answers());
      assertThat(results).extracting(each -> each.step().reused()).containsOnlyOnce(false);
    }
    assertThat(planning.planned()).hasSize(200);
    assertThat(planning.planned().stream().filter(each -> !each.reused())).hasSize(50);
  }

  @Test
  void severalAreLookedUpAtTheSameTime() throws Exception {
    // Neither read ends before both have begun.
    CyclicBarrier both = new CyclicBarrier(2);
    planOn(
        new WatchedObjectStore(
            below.store,
            key -> {
              if (key.startsWith("steps/")) {
                try {
                  both.await(20, TimeUnit.SECONDS);
                } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
                  throw new AssertionError("one look-up waits for another", e);
                }
              }
            }));
    Debate.Request request = debate(0, 1, List.of());
    debated(request, "1", "2", "3", "4");
    assertThat(atOnce(2, () -> planning.debate(request)))
        .extracting(each -> each.step().reused())
        .containsExactly(true, true);
  }

  @Test
  void aLightStepIsReallyRunWhereNothingItReadsIsImaginedAndNothingIsWrittenBelow()
      throws Exception {
    planOn(below.store);
    ArtifactRef one = debated(debate(0, 1, List.of()), "1", "2", null, null).answers();
    ArtifactRef other = debated(debate(1, 1, List.of()), "1", null, "3", null).answers();
    List<String> before = below.store.list("");
    planning.debate(debate(0, 1, List.of()));
    ArtifactRef imagined = planning.debate(debate(2, 1, List.of())).answers();

    Vote.Result real = planning.vote(vote(one, other));
    assertThat(real.questions()).isEqualTo(4);
    assertThat(real.labelled()).isEqualTo(3);
    assertThat(isThere(real.votes())).isTrue();
    assertThat(planning.vote(vote(one, other)).step().reused()).isTrue();

    Vote.Result guessed = planning.vote(vote(imagined, one));
    assertThat(guessed.questions()).isEqualTo(4);
    assertThat(isThere(guessed.votes())).isFalse();
    assertThat(planning.planned())
        .extracting(PlannedStep::reused)
        .containsExactly(true, false, false, true, false);
    assertThat(below.store.list("")).isEqualTo(before);
  }

  private void reported(int iteration, List<Integer> generators, List<Integer> critics) {
    new RecordStep(below.checkpoints, below.store)
        .publish(
            "before",
            new IterationReport(
                iteration,
                10,
                0.5,
                0.1,
                0.5,
                null,
                null,
                null,
                null,
                null,
                null,
                0.5,
                null,
                null,
                generators,
                critics,
                Map.of(),
                some));
  }

  @Test
  void ofImaginedAnswersAsManyBecomeExamplesAsDidBefore() {
    below.store.write(
        "experiments/before/experiment.json", Sealed.seal(CanonicalJson.bytes(experiment())));
    // Of 500 questions.
    reported(0, List.of(), List.of());
    reported(1, List.of(250, 250), List.of(125, 125));
    planOn(below.store);
    List<ArtifactRef> first = new ArrayList<>();
    List<ArtifactRef> last = new ArrayList<>();
    for (int agent = 0; agent < 2; agent++) {
      first.add(planning.debate(debate(agent, 1, List.of())).answers());
    }
    for (int agent = 0; agent < 2; agent++) {
      last.add(planning.debate(debate(agent, 2, first)).answers());
    }
    ArtifactRef votes = planning.vote(vote(last.get(0), last.get(1))).votes();
    Split.Result split =
        planning.split(
            new Split.Request(
                0,
                1,
                "arithmetic",
                List.of(
                    first.stream().map(List::of).toList(), last.stream().map(List::of).toList()),
                votes,
                Method.Trains.GENERATORS_AND_CRITICS,
                true,
                0.5,
                "last-turn"));
    assertThat(split.sets())
        .extracting(Split.TrainingSet::role)
        .containsExactly(Role.GENERATOR, Role.GENERATOR, Role.CRITIC, Role.CRITIC);
    // Of 4 questions.
    assertThat(split.sets()).extracting(Split.TrainingSet::count).containsExactly(2, 2, 1, 1);
    Train.Result trained =
        planning.trainCritic(
            new Train.Request(
                0,
                Role.CRITIC,
                0,
                1,
                some,
                split.sets().get(2).examples(),
                SPEC.training().forRole(Role.CRITIC),
                Map.of()));
    assertThat(trained.steps()).isEqualTo(SPEC.training().forRole(Role.CRITIC).epochs());
  }
}
