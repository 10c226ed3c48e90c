package polyphony.workers.devicecheck;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.torch.MatmulCeiling;
import polyphony.activities.lm.torch.TorchEngine;
import polyphony.storage.PolyphonyException;
import polyphony.workers.Median;
import polyphony.workers.devicecheck.Finding.NotDone;
import polyphony.workers.devicecheck.Finding.Resource;
import polyphony.workers.devicecheck.Finding.Speed;
import polyphony.workers.devicecheck.Trainings.Kind;

/**
 * How many tokens a second are trained on: steps of one micro-batch, without what a training needs
 * to start. The operations are those that the mathematics needs; what is recomputed does not count.
 */
final class TrainingSpeed {
  private static final int STEPS = 4;

  private TrainingSpeed() {}

  static void measure(Bench bench, ModelShape shape, Consumer<Finding> to) {
    boolean reduced = bench.assignment().reduced();
    // Adapters first: of a large model there is room for nothing else on most devices.
    for (Kind kind : List.of(new Kind(true, true), new Kind(true, false), new Kind(false, true))) {
      String what = shape.name() + " training, " + kind;
      try {
        to.accept(measure(bench, shape, what, kind, reduced ? 128 : 2048, reduced ? 2 : 4));
      } catch (PolyphonyException e) {
        to.accept(new NotDone(what, false, e.getMessage()));
      }
    }
  }

  /** The first of the above once more, where equal inputs must give equal bits. */
  static void measureDeterministic(Bench bench, ModelShape shape, Consumer<Finding> to) {
    TorchEngine.computeDeterministically();
    boolean reduced = bench.assignment().reduced();
    Kind kind = new Kind(true, true);
    String what = shape.name() + " training, " + kind + ", same bits";
    to.accept(measure(bench, shape, what, kind, reduced ? 128 : 2048, reduced ? 2 : 4));
  }

  private static Speed measure(
      Bench bench, ModelShape shape, String what, Kind kind, int length, int texts) {
    LanguageModel model = bench.model(shape);
    int tokens = texts * length;
    try (Trainer trainer =
        bench
            .subject()
            .trainer(
                model,
                Trainings.batches(model, 1 + STEPS, texts, length),
                Trainings.settings(model, kind, tokens),
                Optional.empty(),
                bench.subject().training())) {
      trainer.next();
      double[] seconds = new double[STEPS];
      for (int step = 0; step < STEPS; step++) {
        long start = System.nanoTime();
        trainer.next();
        seconds[step] = (System.nanoTime() - start) / 1e9;
      }
      double median = Median.of(seconds);
      double operations =
          kind.lora()
              ? MatmulCeiling.adapterTrainingFlops(model.config(), length)
              : MatmulCeiling.trainingFlops(model.config(), length);
      return new Speed(
          what,
          tokens / median,
          Resource.MATMUL,
          texts * operations / median,
          bench.subject().peakBytes(),
          MemoryPlan.training(
                  bench.subject().arithmetic(),
                  model.config(),
                  Trainings.adapter(model, kind),
                  kind.recompute(),
                  1,
                  tokens,
                  tokens)
              .bytes());
    }
  }
}
