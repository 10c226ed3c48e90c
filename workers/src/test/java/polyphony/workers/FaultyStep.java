package polyphony.workers;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;

/**
 * The program with isolated steps, of which the first to sample a second batch, and the first to
 * train for a third time, is aborted as native code aborts.
 */
final class FaultyStep {
  /** Which of the aborts have been: files in this folder. */
  static final String MARKS = "polyphony.test.marks";

  private FaultyStep() {}

  /** The process of one step. */
  public static void main(String[] arguments) {
    StepMain.serve(instruments(), arguments);
  }

  private static Instruments instruments() {
    return new Instruments(
        runtime -> new AbortingRuntime(runtime, Path.of(System.getProperty(MARKS))),
        UnaryOperator.identity(),
        // Whatever is done is committed at once.
        Duration.ZERO,
        FaultyStep.class);
  }

  /** The whole program, with steps in such processes. */
  static final class Program {
    private Program() {}

    public static void main(String[] arguments) {
      Polyphony.run(instruments(), arguments);
    }
  }

  private record AbortingRuntime(LanguageModelRuntime runtime, Path marks)
      implements LanguageModelRuntime {
    private void abort(String mark) {
      try {
        Files.createFile(marks.resolve(mark));
      } catch (FileAlreadyExistsException e) {
        return;
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
      try {
        long self = ProcessHandle.current().pid();
        new ProcessBuilder("kill", "-ABRT", Long.toString(self)).start();
        Thread.sleep(600_000);
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public Sampler sampler(LanguageModel model) {
      Sampler sampler = runtime.sampler(model);
      return new Sampler() {
        private int batches;

        @Override
        public List<Continuation> sample(List<Prompt> batch, SamplingSettings settings) {
          if (++batches == 2) {
            abort("sampling");
          }
          return sampler.sample(batch, settings);
        }

        @Override
        public void close() {
          sampler.close();
        }
      };
    }

    @Override
    public Scorer scorer(LanguageModel model) {
      return runtime.scorer(model);
    }

    @Override
    public Trainer trainer(
        LanguageModel model,
        TrainingBatches batches,
        TrainingSettings settings,
        Optional<Path> state) {
      Trainer trainer = runtime.trainer(model, batches, settings, state);
      return new Trainer() {
        @Override
        public int step() {
          return trainer.step();
        }

        @Override
        public StepReport next() {
          if (trainer.step() == 2) {
            abort("training");
          }
          return trainer.next();
        }

        @Override
        public double loss(List<TrainingExample> examples) {
          return trainer.loss(examples);
        }

        @Override
        public void saveState(Path file) {
          trainer.saveState(file);
        }

        @Override
        public void saveWeights(Path file) {
          trainer.saveWeights(file);
        }

        @Override
        public void close() {
          trainer.close();
        }
      };
    }

    @Override
    public Map<String, String> versions() {
      return runtime.versions();
    }
  }
}
