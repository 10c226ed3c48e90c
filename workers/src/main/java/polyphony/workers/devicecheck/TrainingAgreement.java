package polyphony.workers.devicecheck;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Trainer;
import polyphony.workers.devicecheck.Finding.Verdict;
import polyphony.workers.devicecheck.Trainings.Kind;

/** Whether the losses of a few steps are the CPU's. */
final class TrainingAgreement {
  private static final int STEPS = 6;
  private static final int TEXTS = 6;
  private static final int LENGTH = 32;

  private TrainingAgreement() {}

  static void verify(Bench bench, Consumer<Finding> to) {
    for (ModelShape shape : ModelShape.VARIATIONS) {
      LanguageModel model = bench.model(shape);
      for (boolean lora : new boolean[] {false, true}) {
        double[] expected = losses(bench.reference(), model, new Kind(lora, false));
        for (Kind kind : List.of(new Kind(lora, false), new Kind(lora, true))) {
          double[] found = losses(bench.subject(), model, kind);
          to.accept(
              new Verdict(
                  shape.name() + ", " + kind + ": losses of " + STEPS + " steps, relative",
                  difference(expected, found),
                  bench.tolerance().loss()));
        }
      }
    }
  }

  private static double[] losses(LanguageModelRuntime runtime, LanguageModel model, Kind kind) {
    try (Trainer trainer =
        runtime.trainer(
            model,
            Trainings.batches(model, STEPS, TEXTS, LENGTH),
            // Several micro-batches, so that gradients are added up.
            Trainings.settings(model, kind, TEXTS * LENGTH / 2),
            Optional.empty())) {
      double[] losses = new double[STEPS];
      for (int step = 0; step < STEPS; step++) {
        losses[step] = trainer.next().loss();
      }
      return losses;
    }
  }

  private static double difference(double[] expected, double[] found) {
    double largest = 0;
    for (int step = 0; step < expected.length; step++) {
      largest = Math.max(largest, Math.abs(found[step] / expected[step] - 1));
    }
    return largest;
  }
}
