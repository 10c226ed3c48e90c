package polyphony.workers;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import polyphony.activities.lm.ForwardingRuntime;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;

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

  private static final class AbortingRuntime extends ForwardingRuntime {
    private final Path marks;
    private final Map<Sampler, Integer> batches =
        Collections.synchronizedMap(new IdentityHashMap<>());

    AbortingRuntime(LanguageModelRuntime runtime, Path marks) {
      super(runtime);
      this.marks = marks;
    }

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
    protected List<Sampler.Continuation> sample(
        Sampler sampler, List<Sampler.Prompt> batch, SamplingSettings settings) {
      if (batches.merge(sampler, 1, Integer::sum) == 2) {
        abort("sampling");
      }
      return super.sample(sampler, batch, settings);
    }

    @Override
    protected Trainer.StepReport train(Trainer trainer, TrainingBatches batchesToTrain) {
      if (trainer.step() == 2) {
        abort("training");
      }
      return super.train(trainer, batchesToTrain);
    }
  }
}
