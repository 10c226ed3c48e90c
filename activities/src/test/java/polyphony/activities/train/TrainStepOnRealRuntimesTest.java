package polyphony.activities.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.activities.StepProgress;
import polyphony.activities.StoreInFolder;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxScorer;
import polyphony.activities.lm.torch.TorchTrainer;
import polyphony.activities.split.Example;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.workflows.Role;
import polyphony.workflows.Train;
import polyphony.workflows.TrainingSpec;

/** DJL trains, ONNX Runtime judges the result: they must see the same model. */
class TrainStepOnRealRuntimesTest {
  @TempDir Path temporary;

  private static final class RealRuntime implements LanguageModelRuntime {
    @Override
    public Sampler sampler(List<LanguageModel> models) {
      throw new AssertionError("training samples nothing");
    }

    @Override
    public Scorer scorer(List<LanguageModel> models) {
      return new OnnxScorer(models, OnnxOptions.DEFAULT);
    }

    @Override
    public Trainer trainer(
        LanguageModel model,
        TrainingBatches batches,
        TrainingSettings settings,
        Optional<Path> state) {
      return new TorchTrainer(model, batches, settings, state);
    }

    @Override
    public Map<String, String> versions() {
      return Map.of();
    }
  }

  private static final TrainingSpec FULL =
      new TrainingSpec("full", 4, 4, 1e-2, "linear", 0.1, 0.0, 1.0, null, null);

  private static TrainingSpec lora(Integer rank, List<String> targets) {
    return new TrainingSpec(
        "lora", 4, 4, 1e-2, "linear", 0.1, 0.0, 1.0, null, null, rank, 8.0, 0.2, targets, true);
  }

  private static Optional<Train.Result> run(
      StoreInFolder store, ArtifactRef start, TrainingSpec training, BooleanSupplier stop)
      throws Exception {
    List<Example> examples =
        IntStream.range(0, 6)
            .mapToObj(
                i ->
                    new Example(
                        "q" + i,
                        new int[] {1, 5 + i, 6, 7, 8, 9 + i, 2},
                        List.of(new int[] {3, 4}, new int[] {5, 7}),
                        "first-answer"))
            .toList();
    Train.Request request =
        new Train.Request(5, Role.CRITIC, 1, 1, start, store.lines(examples), training, Map.of());
    TrainStep step =
        new TrainStep(
            new RealRuntime(),
            store.checkpoints,
            store.folder.resolve("scratch"),
            Clock.systemUTC(),
            Duration.ofDays(1),
            Duration.ofDays(1));
    return store
        .steps
        .run(
            new Step("train-critic", TrainStep.VERSION, request),
            Train.Result.class,
            attempt -> step.run(request, attempt, StepProgress.NONE),
            stop)
        .result();
  }

  static List<TrainingSpec> trainings() {
    return List.of(FULL, lora(3, List.of("q_proj", "v_proj", "down_proj")));
  }

  @ParameterizedTest
  @MethodSource("trainings")
  void bothRuntimesAgreeOnTheFinetunedModelAndAnInterruptionLeavesNoTrace(TrainingSpec training)
      throws Exception {
    StoreInFolder undisturbed = new StoreInFolder(temporary.resolve("undisturbed"));
    Train.Result expected =
        run(undisturbed, undisturbed.model(1), training, () -> false).orElseThrow();
    assertThat(expected.lastLoss()).isLessThan(expected.firstLoss());
    StoreInFolder store = new StoreInFolder(temporary.resolve("interrupted"));
    int[] looks = {0};
    assertThat(run(store, store.model(1), training, () -> looks[0]++ >= 4)).isEmpty();
    assertThat(run(store, store.model(1), training, () -> false)).contains(expected);
  }

  @Test
  void anAdapterIsStoredBesideTheBaseAndGoneOnWithOrMerged() throws Exception {
    StoreInFolder store = new StoreInFolder(temporary);
    TrainingSpec lora = lora(3, List.of("o_proj", "up_proj"));
    ArtifactRef first = run(store, store.model(1), lora, () -> false).orElseThrow().checkpoint();
    ArtifactRef second = run(store, first, lora, () -> false).orElseThrow().checkpoint();
    ArtifactRef merged = run(store, second, FULL, () -> false).orElseThrow().checkpoint();

    LanguageModel base = store.checkpoints.open(store.model(1));
    for (ArtifactRef each : List.of(first, second)) {
      LanguageModel tuned = store.checkpoints.open(each);
      assertThat(tuned.folder()).isEqualTo(base.folder());
      assertThat(tuned.adapter().orElseThrow().config())
          .isEqualTo(TrainStep.adapter(lora, base.config()).orElseThrow());
    }
    assertThat(second).isNotEqualTo(first);
    assertThat(store.checkpoints.open(merged).adapter()).isEmpty();
  }

  @Test
  void aTuningThatIsNoneOrSaysTooLittleIsRefused() {
    TrainingSpec other = new TrainingSpec("half", 1, 1, 1e-2, "linear", 0.0, 0.0, 1.0, null, null);
    assertRefused(other, "must be \"full\" or \"lora\", not \"half\"");
    assertRefused(lora(null, List.of("q_proj")), "needs rank, alpha, dropout and targets");
    assertRefused(lora(2, null), "needs rank, alpha, dropout and targets");
  }

  @Test
  void allLinearLayersAreThoseThatTheModelHas() {
    assertThat(
            TrainStep.adapter(lora(2, List.of("all-linear")), TinyModels.config(true))
                .orElseThrow()
                .targets())
        .containsExactly(
            "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj");
  }

  private static void assertRefused(TrainingSpec training, String message) {
    assertThatThrownBy(() -> TrainStep.adapter(training, TinyModels.config(true)))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining(message);
  }
}
