package polyphony.workers.chaos;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;

/** An undisturbed experiment, and then one after the other that is disturbed. */
final class ChaosSuite implements AutoCloseable {
  private final Program program;
  private final Path folder;
  private final Consumer<String> say;
  private final ExecutorService lanes;

  /**
   * @param folder for the trials; those that fail leave theirs behind
   * @param parallel trials at the same time
   * @param say told what has happened
   */
  ChaosSuite(Program program, Path folder, int parallel, Consumer<String> say) {
    this.program = program;
    this.folder = folder;
    this.say = say;
    this.lanes = Executors.newFixedThreadPool(parallel);
  }

  /** What to compare with. */
  Reference undisturbed() throws IOException, InterruptedException {
    Path place = folder.resolve("undisturbed");
    Reference reference = new Trial(program, place).undisturbed();
    TemporaryFolder.delete(place);
    say.accept(
        String.format(
            "undisturbed: %.0f s, %d answers, %d training steps, %d texts scored",
            reference.seconds(),
            reference.work().answers(),
            reference.work().trainingSteps(),
            reference.work().textsScored()));
    return reference;
  }

  /** Begins every fault's trials; they are done in this order. */
  List<Future<Outcome>> begin(List<Fault> faults, int repeats, Reference reference) {
    List<Future<Outcome>> outcomes = new ArrayList<>();
    for (int repeat = 0; repeat < repeats; repeat++) {
      for (Fault fault : faults) {
        outcomes.add(lanes.submit(trial(fault, repeat, reference)));
      }
    }
    return outcomes;
  }

  private Callable<Outcome> trial(Fault fault, int repeat, Reference reference) {
    return () -> {
      Path place = folder.resolve(fault.name() + "-" + repeat);
      Outcome outcome;
      try {
        outcome = new Trial(program, place).disturbed(fault, repeat, reference);
      } catch (PolyphonyException e) {
        outcome = Outcome.brokenOff(fault, repeat, e.getMessage());
      }
      if (outcome.passed()) {
        TemporaryFolder.delete(place);
      }
      say.accept(ChaosReport.line(outcome) + (outcome.passed() ? "" : "\n  kept in " + place));
      return outcome;
    };
  }

  @Override
  public void close() {
    lanes.shutdownNow();
  }
}
