package polyphony.activities.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.StepProgress;
import polyphony.activities.StoreInFolder;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.Weights;
import polyphony.activities.split.Example;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.workflows.Role;
import polyphony.workflows.Train;
import polyphony.workflows.TrainingSpec;

class TrainStepTest {
  private static final double LOSS = 0.75;

  @TempDir Path temporary;

  private StoreInFolder store;
  private ArtifactRef start;
  private final FakeRuntime runtime = new FakeRuntime();

  /** Every look at it is a minute later. */
  private static final class TickingClock extends Clock {
    private long minutes;

    @Override
    public Instant instant() {
      return Instant.EPOCH.plus(Duration.ofMinutes(minutes++));
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  /** Adds a number to every weight that depends on all batches so far and on their order. */
  private static final class FakeTrainer implements Trainer {
    private final LanguageModel model;
    private final TrainingBatches batches;
    private final TrainingSettings settings;
    private final int failAt;
    private final int room;
    private float sum;
    private int step;

    FakeTrainer(
        LanguageModel model,
        TrainingBatches batches,
        TrainingSettings settings,
        Optional<Path> state,
        int failAt,
        int room) {
      this.model = model;
      this.batches = batches;
      this.settings = settings;
      this.failAt = failAt;
      this.room = room;
      if (state.isPresent()) {
        float[] saved = Weights.open(state.get()).floats("state");
        sum = saved[0];
        step = (int) saved[1];
      }
    }

    @Override
    public int step() {
      return step;
    }

    @Override
    public StepReport next() {
      if (step == failAt) {
        throw new UncheckedIOException(new java.io.IOException("the machine went away"));
      }
      List<TrainingExample> batch = batches.batch(step);
      // The first step has room for all.
      if (step > 0 && Math.min(settings.microBatchTokens(), 5 * batch.size()) > room) {
        throw new PolyphonyException(ErrorClass.OUT_OF_MEMORY, "step " + step + " does not fit");
      }
      for (TrainingExample example : batch) {
        sum = sum * 0.9f + Arrays.hashCode(example.tokens()) * 1e-9f;
      }
      double rate = settings.learningRate(step, batches.steps());
      StepReport report =
          new StepReport(
              step,
              Math.abs(sum),
              1.0,
              rate,
              batch.stream().mapToLong(each -> each.tokens().length).sum(),
              batch.stream().mapToLong(TrainingExample::trainedTokens).sum());
      step++;
      return report;
    }

    @Override
    public double loss(List<TrainingExample> examples) {
      return LOSS;
    }

    @Override
    public void saveState(Path file) {
      Weights.write(
          file,
          Map.of("state", FloatBuffer.wrap(new float[] {sum, step})),
          Map.of("state", new long[] {2}),
          Map.of());
    }

    @Override
    public void saveWeights(Path file) {
      Map<String, FloatBuffer> weights = new LinkedHashMap<>();
      model
          .config()
          .weightShapes()
          .forEach(
              (name, shape) -> {
                float[] values = model.weights().floats(name);
                for (int i = 0; i < values.length; i++) {
                  values[i] += sum;
                }
                weights.put(name, FloatBuffer.wrap(values));
              });
      Weights.write(file, weights, model.config().weightShapes(), Map.of("format", "pt"));
    }

    @Override
    public void close() {}
  }

  private static final class FakeRuntime implements LanguageModelRuntime {
    private long memory = Long.MAX_VALUE;
    private int failAt = -1;
    private double scoredLoss = LOSS;
    private Arithmetic arithmetic = Arithmetic.CPU;
    private int trainers;
    private TrainingSettings settings;
    private final List<String> calls = new ArrayList<>();

    /** Tokens of the largest micro-batch that there is memory for, though none was planned. */
    private int room = Integer.MAX_VALUE;

    @Override
    public Sampler sampler(List<LanguageModel> models) {
      throw new AssertionError("training samples nothing");
    }

    @Override
    public Scorer scorer(List<LanguageModel> models) {
      calls.add("scorer");
      return new Scorer() {
        @Override
        public List<Scores> score(List<Text> batch) {
          return batch.stream()
              .map(
                  text -> {
                    float[] logs = new float[text.tokens().length - text.from()];
                    Arrays.fill(logs, (float) -scoredLoss);
                    return new Scores(logs, new float[logs.length][], new float[1]);
                  })
              .toList();
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public Trainer trainer(
        LanguageModel model,
        TrainingBatches batches,
        TrainingSettings asked,
        Optional<Path> state) {
      trainers++;
      calls.add("trainer");
      settings = asked;
      return new FakeTrainer(model, batches, asked, state, failAt, room);
    }

    @Override
    public Arithmetic arithmetic() {
      return arithmetic;
    }

    @Override
    public long memory() {
      return memory;
    }

    @Override
    public void requireRoom(MemoryPlan plan) {
      calls.add("room for " + plan.work());
      LanguageModelRuntime.super.requireRoom(plan);
    }

    @Override
    public Map<String, String> versions() {
      return Map.of();
    }
  }

  @BeforeEach
  void aStartingModel() {
    store = new StoreInFolder(temporary.resolve("one"));
    start = store.model(1);
  }

  private static List<Example> examples() {
    return IntStream.range(0, 10)
        .mapToObj(
            i ->
                new Example(
                    "q" + i,
                    new int[] {1, 5 + i, 6, 7, 2},
                    List.of(new int[] {2, 3}, new int[] {4, 5}),
                    "first-answer"))
        .toList();
  }

  private Train.Request request(List<Example> examples) {
    return new Train.Request(
        5,
        Role.GENERATOR,
        0,
        1,
        start,
        store.lines(examples),
        new TrainingSpec("full", 3, 4, 1e-3, "linear", 0.2, 0.0, 1.0, null, null),
        Map.of());
  }

  private TrainStep step(Clock clock, Duration commitInterval, Duration part) {
    return new TrainStep(
        runtime, store.checkpoints, temporary.resolve("scratch"), clock, commitInterval, part);
  }

  private Optional<Train.Result> run(TrainStep step, Train.Request request, BooleanSupplier stop)
      throws Exception {
    return store
        .steps
        .run(
            new Step("train-generator", TrainStep.VERSION, request),
            Train.Result.class,
            attempt -> step.run(request, attempt, StepProgress.NONE),
            stop)
        .result();
  }

  private Train.Result undisturbed() throws Exception {
    StoreInFolder own = store;
    store = new StoreInFolder(temporary.resolve("undisturbed"));
    store.model(1);
    try {
      return run(
              step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1)),
              request(examples()),
              () -> false)
          .orElseThrow();
    } finally {
      store = own;
    }
  }

  @Test
  void aTrainingEndsWithNewWeightsAndItsCurve() throws Exception {
    Train.Result result =
        run(
                step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1)),
                request(examples()),
                () -> false)
            .orElseThrow();
    List<Trainer.StepReport> curve =
        JsonLines.read(store.artifacts.bytes(result.curve()), Trainer.StepReport.class);
    assertThat(result.finished()).isTrue();
    assertThat(curve).hasSize(9).extracting(Trainer.StepReport::step).isSorted();
    assertThat(result.steps()).isEqualTo(9);
    assertThat(result.tokens()).isEqualTo(3 * 10 * 5);
    assertThat(curve.stream().mapToLong(Trainer.StepReport::trainedTokens).sum())
        .isEqualTo(3 * 10 * 2);
    assertThat(result.firstLoss()).isEqualTo(curve.get(0).loss());
    assertThat(result.lastLoss()).isEqualTo(curve.get(8).loss());
    assertThat(result.weights())
        .isEqualTo(store.checkpoints.weightsSha256(result.checkpoint()))
        .isNotEqualTo(store.checkpoints.weightsSha256(start));
    assertThat(runtime.settings.warmupSteps()).isEqualTo(2);
    assertThat(runtime.settings.schedule()).isEqualTo(TrainingSettings.Schedule.LINEAR);
    assertThat(store.steps.manifests().get(0).usage())
        .containsEntry("tokens", 150.0)
        .containsEntry("trainedTokens", 60.0);
  }

  @Test
  void aCrashAfterAnyCommitLeadsToTheSameBytes() throws Exception {
    Train.Result expected = undisturbed();
    for (int crash = 1; crash < 9; crash++) {
      store = new StoreInFolder(temporary.resolve("crash-" + crash));
      store.model(1);
      // A commit after every step.
      TrainStep step = step(new TickingClock(), Duration.ofSeconds(1), Duration.ofDays(1));
      Train.Request request = request(examples());
      runtime.failAt = crash;
      assertThatThrownBy(() -> run(step, request, () -> false))
          .isInstanceOf(UncheckedIOException.class);
      runtime.failAt = -1;
      assertThat(run(step, request, () -> false)).contains(expected);
    }
  }

  @Test
  void whatDoesNotFitIntoMemoryIsRefusedBeforeItBegins() {
    runtime.memory = 50_000_000;
    assertThatThrownBy(
            () ->
                run(
                    step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1)),
                    request(examples()),
                    () -> false))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY))
        .hasMessageContainingAll("gradients 0.00, optimizer 0.00", "a step may use 0.05 GB");
  }

  /** Batches of four texts of five tokens. */
  @Test
  void whatDoesNotFitIsTrainedInSmallerMicroBatchesFromTheLastCommitOn() throws Exception {
    Train.Result expected = undisturbed();
    runtime.room = 12;
    runtime.trainers = 0;
    TrainStep step = step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1));
    assertThat(run(step, request(examples()), () -> false)).contains(expected);
    assertThat(runtime.trainers).isEqualTo(2);
    assertThat(runtime.settings.microBatchTokens()).isEqualTo(10);
    assertThat(store.steps.manifests().get(0).usage())
        .as("what was thrown away does not count")
        .containsEntry("tokens", 150.0)
        .containsEntry("halvedBatches", 1.0);
  }

  @Test
  void anAttemptAfterOneThatHalvedFormsTheSameMicroBatches() throws Exception {
    Train.Result expected = undisturbed();
    runtime.room = 7;
    runtime.failAt = 3;
    TrainStep step = step(new TickingClock(), Duration.ofSeconds(1), Duration.ofDays(1));
    Train.Request request = request(examples());
    assertThatThrownBy(() -> run(step, request, () -> false))
        .isInstanceOf(UncheckedIOException.class);
    runtime.failAt = -1;
    runtime.trainers = 0;
    assertThat(run(step, request, () -> false)).contains(expected);
    assertThat(runtime.trainers).as("it need not find out again").isEqualTo(1);
    assertThat(runtime.settings.microBatchTokens()).isEqualTo(5);
    assertThat(store.steps.manifests().get(0).usage()).containsEntry("halvedBatches", 2.0);
  }

  @Test
  void whereASingleTextDoesNotFitItFails() {
    runtime.room = 4;
    assertThatThrownBy(
            () ->
                run(
                    step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1)),
                    request(examples()),
                    () -> false))
        .hasMessage("step 1 does not fit");
    assertThat(runtime.settings.microBatchTokens()).isEqualTo(5);
  }

  /** A runtime that keeps a base for the next training gives it up there. */
  @Test
  void roomIsMadeForTheTrainingAndForTheComparisonAfterIt() throws Exception {
    run(
        step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1)),
        request(examples()),
        () -> false);
    assertThat(runtime.calls).hasSize(4);
    assertThat(runtime.calls.get(0)).startsWith("room for training");
    assertThat(runtime.calls.get(1)).isEqualTo("trainer");
    assertThat(runtime.calls.get(2)).startsWith("room for scoring ");
    assertThat(runtime.calls.get(3)).isEqualTo("scorer");
  }

  @Test
  void whatIsPlannedToFitInHalvesIsHalvedBeforeItBegins() throws Exception {
    Train.Result expected = undisturbed();
    MemoryPlan half =
        MemoryPlan.training(
            Arithmetic.CPU,
            store.checkpoints.open(start).config(),
            Optional.empty(),
            false,
            1,
            10,
            8);
    runtime.memory = half.bytes();
    runtime.trainers = 0;
    assertThat(
            run(
                step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1)),
                request(examples()),
                () -> false))
        .contains(expected);
    assertThat(runtime.trainers).isEqualTo(1);
    assertThat(runtime.settings.microBatchTokens()).isEqualTo(10);
    assertThat(store.steps.manifests().get(0).usage()).containsEntry("halvedBatches", 1.0);
  }

  @Test
  void aStopCommitsAndTheNextRunGoesOn() throws Exception {
    Train.Result expected = undisturbed();
    TrainStep step = step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1));
    Train.Request request = request(examples());
    Optional<Train.Result> result = Optional.empty();
    int runs = 0;
    while (result.isEmpty()) {
      runs++;
      int[] looks = {0};
      // The store looks once before it starts; then one step is done before the stop is seen.
      result = run(step, request, () -> looks[0]++ >= 2);
      assertThat(runs).isLessThan(20);
    }
    assertThat(runs).isEqualTo(9);
    assertThat(result).contains(expected);
  }

  @Test
  void aPartEndsUnfinishedWithoutLosingAStep() throws Exception {
    Train.Result expected = undisturbed();
    // A minute per step: parts of three steps.
    TrainStep step = step(new TickingClock(), Duration.ofDays(1), Duration.ofMinutes(4));
    Train.Request request = request(examples());
    assertThat(run(step, request, () -> false)).isEmpty();
    assertThat(run(step, request, () -> false)).isEmpty();
    assertThat(run(step, request, () -> false)).contains(expected);
    assertThat(runtime.trainers).isEqualTo(1 + 3);
  }

  @Test
  void runtimesThatDisagreeOnTheNewModelAreABug() {
    runtime.scoredLoss = LOSS + 0.002;
    assertThatThrownBy(
            () ->
                run(
                    step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1)),
                    request(examples()),
                    () -> false))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("disagree on the finetuned model")
        .extracting(e -> ((PolyphonyException) e).errorClass())
        .isEqualTo(ErrorClass.BUG);
    assertThat(store.steps.manifests()).isEmpty();
  }

  @Test
  void runtimesOf16BitsMayDifferByTheirRounding() throws Exception {
    runtime.arithmetic = Arithmetic.CUDA_BFLOAT16;
    runtime.scoredLoss = LOSS + 0.05;
    TrainStep step = step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1));
    run(step, request(examples()), () -> false);
    assertThat(store.steps.manifests()).hasSize(1);
  }

  private void refused(String message, int[] tokens, int[]... trained) {
    TrainStep step = step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1));
    List<Example> examples =
        List.of(examples().get(0), new Example("broken", tokens, List.of(trained), "first-answer"));
    assertThatThrownBy(() -> run(step, request(examples), () -> false))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("training example 2 (broken)")
        .hasMessageContaining(message)
        .extracting(e -> ((PolyphonyException) e).errorClass())
        .isEqualTo(ErrorClass.DATA);
  }

  @Test
  void examplesThatDoNotFitTheModelAreRefusedBeforeTraining() {
    refused("outside its tokens", new int[] {1, 2, 3}, new int[] {1, 4});
    refused("outside its tokens", new int[] {1, 2, 3}, new int[] {0, 2});
    refused("outside its tokens", new int[] {1, 2, 3}, new int[] {2, 1});
    refused("no token to train on", new int[] {1, 2, 3}, new int[] {2, 2});
    refused("no token to train on", new int[] {1, 2, 3});
    refused("vocabulary", new int[] {1, -1, 3}, new int[] {1, 2});
    refused("vocabulary", new int[] {1, 100000, 3}, new int[] {1, 2});
    refused("context", new int[97], new int[] {1, 2});
    assertThat(runtime.trainers).isZero();
  }

  @Test
  void anEmptyTrainingSetIsRefused() {
    TrainStep step = step(Clock.systemUTC(), Duration.ofDays(1), Duration.ofDays(1));
    assertThatThrownBy(() -> run(step, request(List.of()), () -> false))
        .hasMessageContaining("training set is empty");
  }
}
