package polyphony.workers.devicecheck;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.torch.TorchEngine;
import polyphony.storage.PolyphonyException;
import polyphony.workers.Signals;
import polyphony.workers.devicecheck.Finding.Verdict;
import polyphony.workers.devicecheck.Trainings.Kind;

/**
 * Whether a training that was killed ends with the very bytes of one that was not, where equal
 * inputs are to give equal bits.
 */
final class ResumedTraining {
  private static final int STEPS = 5;
  private static final int COMMITTED = 2;

  private ResumedTraining() {}

  /** Trains to the end; then once more up to a commit and a step beyond it, and never returns. */
  static void die(Bench bench) {
    TorchEngine.computeDeterministically();
    for (boolean lora : new boolean[] {false, true}) {
      Kind kind = new Kind(lora, false);
      try (Trainer trainer = trainer(bench, kind, Optional.empty())) {
        advance(trainer, STEPS);
        trainer.saveWeights(file(bench, kind, "undisturbed"));
      }
      try (Trainer trainer = trainer(bench, kind, Optional.empty())) {
        advance(trainer, COMMITTED);
        trainer.saveState(file(bench, kind, "state"));
        trainer.next();
        if (lora) {
          Signals.killThisProcess();
        }
      }
    }
    throw PolyphonyException.infrastructure("this process does not die", null);
  }

  /** Goes on from the commit. */
  static void resume(Bench bench, Consumer<Finding> to) throws IOException {
    TorchEngine.computeDeterministically();
    for (boolean lora : new boolean[] {false, true}) {
      Kind kind = new Kind(lora, false);
      Path resumed = file(bench, kind, "resumed");
      try (Trainer trainer = trainer(bench, kind, Optional.of(file(bench, kind, "state")))) {
        advance(trainer, STEPS);
        trainer.saveWeights(resumed);
      }
      long differs = Files.mismatch(file(bench, kind, "undisturbed"), resumed);
      to.accept(
          new Verdict(
              kind + ", killed and resumed: bytes that differ from an undisturbed training's",
              differs < 0 ? 0 : Files.size(resumed) - differs,
              0));
    }
  }

  private static Trainer trainer(Bench bench, Kind kind, Optional<Path> state) {
    LanguageModel model = bench.model(ModelShape.VARIATIONS.get(0));
    return bench
        .subject()
        .trainer(
            model,
            Trainings.batches(model, STEPS, 4, 32),
            Trainings.settings(model, kind, 64),
            state,
            bench.subject().training());
  }

  private static void advance(Trainer trainer, int until) {
    while (trainer.step() < until) {
      trainer.next();
    }
  }

  private static Path file(Bench bench, Kind kind, String name) {
    return bench.assignment().scratch().resolve(kind + "-" + name + ".safetensors");
  }
}
