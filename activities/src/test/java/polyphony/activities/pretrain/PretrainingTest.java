package polyphony.activities.pretrain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.TrainingSettings.Schedule;
import polyphony.activities.lm.torch.TorchTrainer;

class PretrainingTest {
  private static final int STEPS = 7;

  @TempDir Path folder;

  /** Trains for real. */
  private static final class TrainingRuntime implements LanguageModelRuntime {
    @Override
    public Sampler sampler(List<LanguageModel> models) {
      throw new AssertionError("pretraining samples nothing");
    }

    @Override
    public Scorer scorer(List<LanguageModel> models) {
      throw new AssertionError("pretraining scores nothing");
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

  private static PretrainingRecipe recipe() {
    TrainingSettings settings =
        new TrainingSettings(1e-3, Schedule.COSINE, 2, 0.1, 0.9, 0.95, 1e-8, 0.1, 1, 400, 2);
    return new PretrainingRecipe(
        // The context must hold the longest texts that the corpus writes.
        new DecoderConfig(
            TinyModels.config(false).vocabularySize(), 16, 1, 2, 1, 8, 24, 10000, 1e-6, 640, false),
        List.of(
            new PretrainingRecipe.Stage(
                "first", STEPS, 600, 0, 0.3, 0.5, 0.5, 0, 0.2, 0.4, 0.2, 0.5, 0.1, settings),
            new PretrainingRecipe.Stage(
                "second", STEPS, 600, 0.1, 0, 0, 0.6, 0.02, 0.5, 0.5, 0.2, 0.5, 0.1, settings)));
  }

  private static Path run(Path work, Pretraining.Listener listener) {
    return new Pretraining(new TrainingRuntime(), question -> true, listener, 3)
        .run(work, recipe(), 1);
  }

  @Test
  void anInterruptedPretrainingGoesOnToTheSameBytes() {
    Path undisturbed = run(folder.resolve("undisturbed"), (stage, report) -> {});

    List<String> steps = new ArrayList<>();
    Path work = folder.resolve("interrupted");
    assertThatThrownBy(
            () ->
                run(
                    work,
                    (stage, report) -> {
                      if (stage.name().equals("second") && report.step() == 4) {
                        throw new IllegalStateException("interrupted");
                      }
                    }))
        .hasMessage("interrupted");
    Path resumed = run(work, (stage, report) -> steps.add(stage.name() + " " + report.step()));

    // The first stage is done, and three steps of the second were saved.
    assertThat(steps).containsExactly("second 3", "second 4", "second 5", "second 6");
    assertThat(resumed.resolve("model.safetensors"))
        .hasSameBinaryContentAs(undisturbed.resolve("model.safetensors"));
    assertThat(LanguageModel.open(resumed).config()).isEqualTo(recipe().config());
  }
}
