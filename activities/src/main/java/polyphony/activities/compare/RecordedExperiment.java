package polyphony.activities.compare;

import java.util.ArrayList;
import java.util.List;
import polyphony.activities.evaluate.IterationRecord;
import polyphony.activities.evaluate.Measurement;
import polyphony.storage.Artifacts;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.IterationReport;

/**
 * What a store holds of an experiment.
 *
 * @param iterations from iteration 0, as far as they are finished
 */
public record RecordedExperiment(Experiment experiment, List<Iteration> iterations) {
  public RecordedExperiment {
    iterations = List.copyOf(iterations);
  }

  /**
   * One finished iteration.
   *
   * @param correct by evaluation question, in the set's order
   * @param budget what this and the iterations before it cost; null where the store does not tell
   */
  public record Iteration(
      IterationRecord record, List<Boolean> correct, ComparisonResult.Budget budget) {
    public Iteration {
      correct = List.copyOf(correct);
    }

    IterationReport report() {
      return record.report();
    }
  }

  /** The same up to {@code iteration}, as if it had not gone on. */
  public RecordedExperiment first(int iteration) {
    return new RecordedExperiment(
        experiment, iterations.subList(0, Math.min(iterations.size(), iteration + 1)));
  }

  /**
   * Reads an experiment that has finished at least one iteration.
   *
   * @throws PolyphonyException CONFIG where the store has no such experiment, DATA where what it
   *     has cannot be read
   */
  public static RecordedExperiment read(ObjectStore store, Artifacts artifacts, String name) {
    if (!ExperimentNames.isValid(name)) {
      throw PolyphonyException.config(
          "an experiment cannot be called \"" + name + "\", allowed: " + ExperimentNames.ALLOWED);
    }
    ExperimentRecords records = new ExperimentRecords(store);
    Experiment experiment =
        records
            .experiment(name)
            .orElseThrow(
                () ->
                    PolyphonyException.config(
                        "the store has no experiment " + name + "; check its name, and --store"));
    Spending spending = Spending.read(store, name);
    List<Iteration> iterations = new ArrayList<>();
    for (IterationReport report : records.reports(name)) {
      IterationRecord record = IterationRecord.read(artifacts, report.record());
      iterations.add(
          new Iteration(
              record,
              record.measurements(artifacts).stream().map(Measurement::correct).toList(),
              spending.until(report.iteration(), report.questions())));
    }
    if (iterations.isEmpty()) {
      throw PolyphonyException.config(
          "experiment " + name + " has finished no iteration yet; wait for its first");
    }
    return new RecordedExperiment(experiment, iterations);
  }
}
