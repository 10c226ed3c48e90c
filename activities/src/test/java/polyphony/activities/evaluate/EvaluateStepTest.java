package polyphony.activities.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.StepProgress;
import polyphony.activities.StoreInFolder;
import polyphony.activities.debate.Answer;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.tasks.Question;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Society;

class EvaluateStepTest {
  @TempDir Path temporary;

  private StoreInFolder store;
  private ArtifactRef base;
  private ArtifactRef one;
  private ArtifactRef two;
  private final FakeRuntime runtime = new FakeRuntime();

  /**
   * Every model draws token 0 with a probability of its own, whatever comes before, and token 1
   * otherwise; an answer's embedding is (its first token + 1, 1).
   */
  private static final class FakeRuntime implements LanguageModelRuntime {
    private final Map<String, Double> firstToken = new TreeMap<>();
    private final Map<String, Integer> texts = new TreeMap<>();
    private final List<String> opened = new ArrayList<>();
    private final List<Integer> batches = new ArrayList<>();
    private int mostOpen;
    private long memory = Long.MAX_VALUE;

    /** Texts that there is memory for together, though more were planned. */
    private int room = Integer.MAX_VALUE;

    @Override
    public Sampler sampler(List<LanguageModel> models) {
      throw new AssertionError("evaluation samples nothing");
    }

    @Override
    public Scorer scorer(List<LanguageModel> models) {
      String base = name(models.get(0).base());
      opened.add(base);
      mostOpen = Math.max(mostOpen, opened.size());
      return new Scorer() {
        @Override
        public List<Scores> score(List<Text> batch) {
          if (batch.size() > room) {
            throw new PolyphonyException(ErrorClass.OUT_OF_MEMORY, "too many texts");
          }
          batches.add(batch.size());
          return batch.stream()
              .map(
                  text -> {
                    LanguageModel model = models.get(text.model());
                    assertThat(model.folder()).isEqualTo(models.get(0).folder());
                    texts.merge(name(model), 1, Integer::sum);
                    double p = firstToken.get(name(model));
                    float[] distribution = {(float) Math.log(p), (float) Math.log(1 - p)};
                    int[] answer =
                        Arrays.copyOfRange(text.tokens(), text.from(), text.tokens().length);
                    float[] logs = new float[answer.length];
                    float[][] distributions = new float[answer.length][];
                    for (int i = 0; i < answer.length; i++) {
                      logs[i] = distribution[answer[i]];
                      distributions[i] = distribution;
                    }
                    return new Scores(logs, distributions, new float[] {answer[0] + 1, 1});
                  })
              .toList();
        }

        @Override
        public void close() {
          opened.remove(base);
        }
      };
    }

    /** The checkpoint's hash, or an adapter's own. */
    private static String name(LanguageModel model) {
      return model.adapter().map(Adapter::folder).orElse(model.folder()).getFileName().toString();
    }

    @Override
    public Trainer trainer(
        LanguageModel model,
        TrainingBatches batches,
        TrainingSettings settings,
        Optional<Path> state) {
      throw new AssertionError("evaluation trains nothing");
    }

    @Override
    public long memory() {
      return memory;
    }

    @Override
    public Map<String, String> versions() {
      return Map.of();
    }
  }

  @BeforeEach
  void threeModels() {
    store = new StoreInFolder(temporary);
    base = store.model(1);
    one = store.model(2);
    two = store.model(3);
    runtime.firstToken.put(base.sha256(), 0.5);
    runtime.firstToken.put(one.sha256(), 0.25);
    runtime.firstToken.put(two.sha256(), 0.75);
  }

  private static Answer answer(int index, int agent, int round, String answer, int... turn) {
    int prompt = 3;
    int[] tokens = new int[prompt + turn.length];
    System.arraycopy(turn, 0, tokens, prompt, turn.length);
    return new Answer(
        index,
        "q" + index,
        agent,
        round,
        tokens,
        List.of(new int[] {prompt, tokens.length}),
        "",
        true,
        answer,
        null,
        List.of());
  }

  private ArtifactRef questions() {
    return store.lines(
        List.of(new Question("q0", "1+1*1+1-1*1", "2"), new Question("q1", "2+1*1+1-1*1", "3")));
  }

  private ArtifactRef votes(Label... labels) {
    return store.lines(List.of(labels));
  }

  private Evaluate.Request request(
      List<List<ArtifactRef>> answers, ArtifactRef votes, Society society, int batchSize) {
    return new Evaluate.Request(
        1,
        "arithmetic",
        questions(),
        0,
        2,
        answers,
        votes,
        society,
        base,
        "self",
        "base",
        batchSize,
        Map.of());
  }

  private List<Measurement> run(Evaluate.Request request, StepProgress progress) throws Exception {
    EvaluateStep step = new EvaluateStep(runtime, store.checkpoints);
    Evaluate.Result result =
        store
            .steps
            .run(
                new Step(EvaluateStep.NAME, EvaluateStep.VERSION, request),
                Evaluate.Result.class,
                attempt -> step.run(request, attempt, progress))
            .result()
            .orElseThrow();
    return JsonLines.read(store.artifacts.bytes(result.measurements()), Measurement.class);
  }

  /** Two agents, two rounds; agent 2 never answers question 2 in round 2. */
  private Evaluate.Request debate(int batchSize) {
    ArtifactRef first1 = store.lines(List.of(answer(0, 0, 1, "2", 0), answer(1, 0, 1, "4", 1)));
    ArtifactRef first2 = store.lines(List.of(answer(0, 1, 1, null, 1), answer(1, 1, 1, "3", 1)));
    ArtifactRef last1 =
        store.lines(List.of(answer(0, 0, 2, "2", 0, 1), answer(1, 0, 2, "4", 1, 1, 1)));
    ArtifactRef last2 = store.lines(List.of(answer(0, 1, 2, "2", 1), answer(1, 1, 2, null)));
    return request(
        List.of(List.of(first1, first2), List.of(last1, last2)),
        votes(
            new Label(0, "q0", "2", List.of("2", "2"), 2, false),
            new Label(1, "q1", "4", Arrays.asList("4", null), 1, false)),
        new Society(List.of(base, one), List.of(one, two)),
        batchSize);
  }

  @Test
  void modelsOverOneBaseScoreEachTextInOneCall() throws Exception {
    List<Measurement> apart = run(debate(10), StepProgress.NONE);
    int calls = runtime.batches.size();
    one = adapter(10, 0.25);
    two = adapter(11, 0.75);
    runtime.texts.clear();
    runtime.batches.clear();
    runtime.mostOpen = 0;

    assertThat(run(debate(10), StepProgress.NONE)).isEqualTo(apart);
    assertThat(runtime.mostOpen).as("bases in memory").isEqualTo(1);
    // Once for each agent's answers of each round, instead of once for each of three models too.
    assertThat(runtime.batches).hasSize(4).hasSizeLessThan(calls);
  }

  private ArtifactRef adapter(long seed, double firstToken) {
    ArtifactRef adapter = store.adapter(base, seed);
    runtime.firstToken.put(FakeRuntime.name(store.checkpoints.open(adapter)), firstToken);
    return adapter;
  }

  @Test
  void answersAreGradedAgainstTheTruthAndUnreadableOnesAreWrong() throws Exception {
    List<Measurement> measurements = run(debate(10), StepProgress.NONE);
    assertThat(measurements).extracting(Measurement::correct).containsExactly(true, false);
    assertThat(measurements.get(0).firstRoundCorrect()).containsExactly(true, false);
    assertThat(measurements.get(1).firstRoundCorrect()).containsExactly(false, true);
    assertThat(measurements.get(0).lastRoundCorrect()).containsExactly(true, true);
    assertThat(measurements.get(1).lastRoundCorrect()).containsExactly(false, false);
    assertThat(measurements.get(1).parsed()).containsExactly(true, false);
    assertThat(measurements).extracting(Measurement::agreeing).containsExactly(1.0, 0.5);
  }

  @Test
  void answersOfWhichNothingCouldBeShownAreWrongAndCountedOnceEach() throws Exception {
    String immense = "10^{10^{10}}";
    ArtifactRef first1 = store.lines(List.of(answer(0, 0, 1, immense, 0), answer(1, 0, 1, "3", 1)));
    ArtifactRef first2 = store.lines(List.of(answer(0, 1, 1, "2", 0), answer(1, 1, 1, "3", 1)));
    ArtifactRef last1 = store.lines(List.of(answer(0, 0, 2, immense, 0), answer(1, 0, 2, "3", 1)));
    ArtifactRef last2 =
        store.lines(List.of(answer(0, 1, 2, "9^{9^{9^9}}", 0), answer(1, 1, 2, "3", 1)));
    Evaluate.Request request =
        new Evaluate.Request(
            1,
            "math",
            questions(),
            0,
            2,
            List.of(List.of(first1, first2), List.of(last1, last2)),
            votes(
                new Label(0, "q0", immense, List.of(immense, "9^{9^{9^9}}"), 1, true),
                new Label(1, "q1", "3", List.of("3", "3"), 2, false)),
            Society.copies(base, 2),
            base,
            "self",
            "base",
            10,
            Map.of());
    List<Measurement> measurements = run(request, StepProgress.NONE);
    assertThat(measurements).extracting(Measurement::correct).containsExactly(false, true);
    assertThat(measurements).extracting(Measurement::undecided).containsExactly(2, 0);
    assertThat(measurements.get(0).firstRoundCorrect()).containsExactly(false, true);
  }

  @Test
  void modelsThatDoNotFitIntoMemoryTogetherTakeTurns() throws Exception {
    List<Measurement> together = run(debate(1), StepProgress.NONE);
    assertThat(runtime.mostOpen).isEqualTo(3);

    // Room for one: the program takes 157 MB, such a model next to nothing.
    runtime.mostOpen = 0;
    runtime.memory = MemoryPlan.scoring(store.checkpoints.open(base), 1, 1, 3, 2).bytes() + 1000;
    Evaluate.Request other = debate(2);
    List<Measurement> inTurn = run(other, StepProgress.NONE);
    assertThat(runtime.mostOpen).isEqualTo(1);
    assertThat(inTurn).isEqualTo(together);
  }

  @Test
  void textsThatDoNotFitTogetherAreScoredInHalves() throws Exception {
    List<Measurement> expected = run(debate(10), StepProgress.NONE);
    assertThat(runtime.batches).contains(2);

    runtime.batches.clear();
    runtime.room = 1;
    store = new StoreInFolder(temporary.resolve("halved"));
    threeModelsIn(store);
    assertThat(run(debate(10), StepProgress.NONE)).isEqualTo(expected);
    assertThat(runtime.batches).containsOnly(1);
    assertThat(store.steps.manifests().get(0).usage()).containsEntry("halvedBatches", 1.0);

    runtime.room = 0;
    assertThatThrownBy(() -> run(debate(9), StepProgress.NONE)).hasMessage("too many texts");
  }

  @Test
  void batchesThatWouldNotFitAreHalvedFromTheStart() throws Exception {
    List<Measurement> expected = run(debate(1000), StepProgress.NONE);
    LanguageModel model = store.checkpoints.open(base);
    runtime.memory = MemoryPlan.scoring(model, 1, 1, 6, 3).bytes();
    int halved = 0;
    for (int texts = 1000;
        !MemoryPlan.scoring(model, 1, texts, 6, 3L * texts).fits(runtime.memory);
        texts = (texts + 1) / 2) {
      halved++;
    }
    assertThat(halved).isPositive();
    store = new StoreInFolder(temporary.resolve("planned"));
    threeModelsIn(store);
    assertThat(run(debate(1000), StepProgress.NONE)).isEqualTo(expected);
    assertThat(store.steps.manifests().get(0).usage())
        .containsEntry("halvedBatches", (double) halved);
  }

  private static void threeModelsIn(StoreInFolder store) {
    store.model(1);
    store.model(2);
    store.model(3);
  }

  @Test
  void aModelThatDoesNotFitIntoMemoryIsRefusedWithNumbers() {
    runtime.memory = 100_000_000;
    assertThatThrownBy(() -> run(debate(10), StepProgress.NONE))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY))
        .hasMessageContaining("needs 0.16 GB of memory: weights 0.00, activations")
        .hasMessageContaining("a step may use 0.10 GB: lower sampling.maxNewTokens");
    assertThat(runtime.texts).isEmpty();
  }

  @Test
  void divergencesAreThoseOfTheModelsDistributions() throws Exception {
    List<Measurement> measurements = run(debate(10), StepProgress.NONE);
    double oneToTwo = 0.25 * Math.log(0.25 / 0.75) + 0.75 * Math.log(0.75 / 0.25);
    double oneToBase = 0.25 * Math.log(0.25 / 0.5) + 0.75 * Math.log(0.75 / 0.5);
    double baseToOne = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);
    Divergences last = measurements.get(0).last();
    assertThat(last.tokens()).containsExactly(2, 1);
    assertThat(last.between().get(0).get(0)).isZero();
    assertThat(last.between().get(0).get(1)).isCloseTo(2 * oneToTwo, within(1e-6));
    assertThat(last.between().get(1).get(0)).isCloseTo(oneToTwo, within(1e-6)); // by symmetry
    assertThat(last.toBase().get(0)).isCloseTo(2 * oneToBase, within(1e-6));
    Divergences first = measurements.get(0).first();
    assertThat(first.tokens()).containsExactly(1, 1);
    assertThat(first.between().get(0).get(1)).isCloseTo(baseToOne, within(1e-6));
    assertThat(first.between().get(1).get(0)).isCloseTo(oneToBase, within(1e-6));
    assertThat(first.toBase().get(0)).isZero();
    assertThat(measurements.get(1).last().tokens()).containsExactly(3, 0);
    assertThat(Diversity.klBetweenAgents(measurements, Measurement::last))
        .isCloseTo(oneToTwo, within(1e-6));
    assertThat(Diversity.klToBase(measurements, Measurement::last))
        .isCloseTo(oneToBase, within(1e-6));
  }

  @Test
  void likelihoodIsUnderTheNextAgentsCritic() throws Exception {
    List<Measurement> measurements = run(debate(10), StepProgress.NONE);
    // Agent 1 said 0 1: under critic 2, which draws 0 with probability 3/4.
    assertThat(measurements.get(0).negativeLogLikelihood().get(0))
        .isCloseTo(-Math.log(0.75) - Math.log(0.25), within(1e-6));
    // Agent 2 said 1: under critic 1, which draws 0 with probability 1/4.
    assertThat(measurements.get(0).negativeLogLikelihood().get(1))
        .isCloseTo(-Math.log(0.75), within(1e-6));
    assertThat(measurements.get(1).negativeLogLikelihood().get(1)).isZero();
  }

  @Test
  void embeddingsAreComparedWhereBothAgentsSaidSomething() throws Exception {
    List<Measurement> measurements = run(debate(10), StepProgress.NONE);
    // (1, 1) and (2, 1).
    assertThat(measurements.get(0).embeddingDissimilarity())
        .isCloseTo(1 - 3 / Math.sqrt(10), within(1e-6));
    assertThat(measurements.get(0).embeddingPairs()).isEqualTo(1);
    assertThat(measurements.get(1).embeddingPairs()).isZero();
  }

  @Test
  void everyModelScoresATextOnceAndIsClosed() throws Exception {
    AtomicLong done = new AtomicLong();
    AtomicLong total = new AtomicLong();
    run(
        debate(1),
        (now, all) -> {
          done.set(now);
          total.set(all);
        });
    // 3 last answers and 4 first ones; generator 2 is critic 1, so that "one" scores all of them.
    assertThat(runtime.texts)
        .containsEntry(base.sha256(), 7)
        .containsEntry(one.sha256(), 7)
        .containsEntry(two.sha256(), 3);
    assertThat(runtime.batches).containsOnly(1);
    assertThat(done.get()).isEqualTo(17).isEqualTo(total.get());
    assertThat(runtime.opened).isEmpty();
  }

  @Test
  void batchesDoNotChangeWhatIsMeasured() throws Exception {
    assertThat(run(debate(1), StepProgress.NONE)).isEqualTo(run(debate(10), StepProgress.NONE));
  }

  @Test
  void oneModelThatPlaysEveryPartDivergesByNothingAndScoresOnlyWhatElseIsAsked() throws Exception {
    Evaluate.Request debate = debate(10);
    List<Measurement> measurements =
        run(
            request(debate.answers(), debate.votes(), Society.copies(base, 2), 10),
            StepProgress.NONE);
    assertThat(Diversity.klBetweenAgents(measurements, Measurement::last)).isZero();
    assertThat(Diversity.klToBase(measurements, Measurement::first)).isZero();
    assertThat(Diversity.likelihood(measurements)).isCloseTo(Math.log(2), within(1e-6));
    assertThat(runtime.texts).containsExactly(Map.entry(base.sha256(), 3));
  }

  @Test
  void oneRoundIsFirstAndLastAtOnce() throws Exception {
    Evaluate.Request debate = debate(10);
    List<Measurement> measurements =
        run(
            request(
                debate.answers().subList(0, 1),
                debate.votes(),
                new Society(List.of(one, two), List.of(base, base)),
                10),
            StepProgress.NONE);
    assertThat(measurements).allSatisfy(each -> assertThat(each.first()).isEqualTo(each.last()));
    assertThat(Diversity.klBetweenAgents(measurements, Measurement::last)).isPositive();
    assertThat(runtime.texts.values()).containsOnly(4);
  }

  @Test
  void oneAgentAloneHasNobodyToDivergeFrom() throws Exception {
    ArtifactRef answers = store.lines(List.of(answer(0, 0, 1, "2", 0), answer(1, 0, 1, null, 1)));
    List<Measurement> measurements =
        run(
            request(
                List.of(List.of(answers)),
                votes(
                    new Label(0, "q0", "2", List.of("2"), 1, false),
                    new Label(1, "q1", null, Arrays.asList((String) null), 0, false)),
                Society.copies(one, 1),
                10),
            StepProgress.NONE);
    assertThat(measurements).extracting(Measurement::correct).containsExactly(true, false);
    assertThat(measurements).extracting(Measurement::agreeing).containsExactly(1.0, 0.0);
    assertThat(Diversity.likelihood(measurements)).isNull();
    assertThat(Diversity.klBetweenAgents(measurements, Measurement::last)).isNull();
    assertThat(Diversity.klToBase(measurements, Measurement::last)).isPositive();
  }

  @Test
  void answersOfAnotherRangeAgentOrRoundAreRefused() {
    ArtifactRef wrong = store.lines(List.of(answer(0, 1, 1, "2", 0), answer(1, 1, 1, "3", 1)));
    Evaluate.Request debate = debate(10);
    assertThatThrownBy(
            () ->
                run(
                    request(List.of(List.of(wrong)), debate.votes(), Society.copies(one, 1), 10),
                    StepProgress.NONE))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("belongs to another range, agent or round");
  }

  @Test
  void aStopEndsItUnfinished() throws Exception {
    Evaluate.Request request = debate(1);
    EvaluateStep step = new EvaluateStep(runtime, store.checkpoints);
    int[] looks = {0};
    assertThat(
            store
                .steps
                .run(
                    new Step(EvaluateStep.NAME, EvaluateStep.VERSION, request),
                    Evaluate.Result.class,
                    attempt -> step.run(request, attempt, StepProgress.NONE),
                    () -> looks[0]++ > 3)
                .result())
        .isEmpty();
    assertThat(runtime.opened).isEmpty();
  }

  @Test
  void aStoppedEvaluationGoesOnBehindItsLastBatch() throws Exception {
    List<Measurement> undisturbed = run(debate(2), StepProgress.NONE);
    Evaluate.Request request = debate(1);
    EvaluateStep step = new EvaluateStep(runtime, store.checkpoints);
    List<Integer> scored = new ArrayList<>();
    // A stop after the first question's models, amid the second's.
    int[] allowed = {11};
    Optional<Evaluate.Result> result = Optional.empty();
    while (result.isEmpty()) {
      runtime.batches.clear();
      int[] looks = {0};
      result =
          store
              .steps
              .run(
                  new Step(EvaluateStep.NAME, EvaluateStep.VERSION, request),
                  Evaluate.Result.class,
                  attempt -> step.run(request, attempt, StepProgress.NONE),
                  () -> looks[0]++ > allowed[0])
              .result();
      scored.add(runtime.batches.size());
      allowed[0] = 1000;
    }
    // 17 texts in all: 10 of the first question, committed once, and 7 of the second.
    assertThat(scored).hasSize(2);
    assertThat(scored.get(0)).isGreaterThanOrEqualTo(10).isLessThan(17);
    assertThat(scored.get(1)).isEqualTo(7);
    assertThat(
            JsonLines.read(
                store.artifacts.bytes(result.orElseThrow().measurements()), Measurement.class))
        .isEqualTo(undisturbed);
  }
}
