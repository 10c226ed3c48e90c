package polyphony.workers.chaos;

import java.nio.file.Path;
import java.time.Duration;
import polyphony.workers.Instruments;
import polyphony.workers.Polyphony;
import polyphony.workers.StepMain;

/**
 * The program as it is, with a record of what it samples and trains: the main class of the workers
 * that faults befall. Trainings commit more often than usual, since those of a trial are short.
 */
final class RecordedWorker {
  /** System property: the file to append to. */
  static final String RECORD = "polyphony.chaos.record";

  private static final Duration COMMIT_INTERVAL = Duration.ofSeconds(1);

  private RecordedWorker() {}

  public static void main(String[] arguments) {
    Polyphony.run(instruments(), arguments);
  }

  private static Instruments instruments() {
    Recorder recorder = new Recorder(Path.of(System.getProperty(RECORD)));
    return new Instruments(recorder::around, recorder::around, COMMIT_INTERVAL, RecordedStep.class);
  }

  /** A step of such a worker in a process of its own, with the same record. */
  static final class RecordedStep {
    private RecordedStep() {}

    public static void main(String[] arguments) {
      StepMain.serve(instruments(), arguments);
    }
  }
}
