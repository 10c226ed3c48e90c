package polyphony.activities.train;

import static org.assertj.core.api.Assertions.assertThat;

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
import polyphony.activities.StepProgress;
import polyphony.activities.StoreInFolder;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxScorer;
import polyphony.activities.lm.torch.TorchTrainer;
import polyphony.activities.split.Example;
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
      LanguageModel model = models.get(0);
      return new OnnxScorer(model, OnnxOptions.DEFAULT);
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

  private Optional<Train.Result> run(StoreInFolder store, BooleanSupplier stop) throws Exception {
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
        new Train.Request(
            5,
            Role.CRITIC,
            1,
            1,
            store.model(1),
            store.lines(examples),
            new TrainingSpec("full", 4, 4, 1e-2, "linear", 0.1, 0.0, 1.0, null, null),
            Map.of());
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

  @Test
  void bothRuntimesAgreeOnTheFinetunedModelAndAnInterruptionLeavesNoTrace() throws Exception {
    Train.Result expected =
        run(new StoreInFolder(temporary.resolve("undisturbed")), () -> false).orElseThrow();
    assertThat(expected.lastLoss()).isLessThan(expected.firstLoss());
    StoreInFolder store = new StoreInFolder(temporary.resolve("interrupted"));
    int[] looks = {0};
    assertThat(run(store, () -> looks[0]++ >= 4)).isEmpty();
    assertThat(run(store, () -> false)).contains(expected);
  }
}
