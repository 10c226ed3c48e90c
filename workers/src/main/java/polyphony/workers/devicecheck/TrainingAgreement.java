package polyphony.workers.devicecheck;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.torch.Precision;
import polyphony.workers.devicecheck.Finding.Verdict;
import polyphony.workers.devicecheck.Trainings.Kind;

/** Whether the losses of a few steps are the CPU's. */
final class TrainingAgreement {
  private static final int STEPS = 6;
  private static final int TEXTS = 6;
  private static final int LENGTH = 32;

  private TrainingAgreement() {}

  static void verify(Bench bench, Consumer<Finding> to) {
    Subject subject = bench.subject();
    for (ModelShape shape : ModelShape.VARIATIONS) {
      LanguageModel model = bench.model(shape);
      for (boolean lora : new boolean[] {false, true}) {
        Kind plain = new Kind(lora, false);
        double[] expected;
        try (Trainer trainer =
            bench
                .reference()
                .trainer(
                    model,
                    Trainings.batches(model, STEPS, TEXTS, LENGTH),
                    Trainings.settings(model, plain, TEXTS * LENGTH / 2),
                    Optional.empty())) {
          expected = losses(trainer);
        }
        for (Precision precision :
            new LinkedHashSet<>(List.of(Precision.FLOAT32, subject.training()))) {
          for (Kind kind : List.of(plain, new Kind(lora, true))) {
            try (Trainer trainer =
                subject.trainer(
                    model,
                    Trainings.batches(model, STEPS, TEXTS, LENGTH),
                    // Several micro-batches, so that gradients are added up.
                    Trainings.settings(model, kind, TEXTS * LENGTH / 2),
                    Optional.empty(),
                    precision)) {
              to.accept(
                  new Verdict(
                      shape.name()
                          + ", "
                          + kind
                          + ", "
                          + Subject.name(precision)
                          + ": losses, relative",
                      difference(expected, losses(trainer)),
                      Tolerance.loss(precision)));
            }
          }
        }
      }
    }
  }

  private static double[] losses(Trainer trainer) {
    double[] losses = new double[STEPS];
    for (int step = 0; step < STEPS; step++) {
      losses[step] = trainer.next().loss();
    }
    return losses;
  }

  private static double difference(double[] expected, double[] found) {
    double largest = 0;
    for (int step = 0; step < expected.length; step++) {
      largest = Math.max(largest, Math.abs(found[step] / expected[step] - 1));
    }
    return largest;
  }
}
