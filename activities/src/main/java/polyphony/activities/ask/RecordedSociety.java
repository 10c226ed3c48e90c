package polyphony.activities.ask;

import java.util.List;
import polyphony.activities.compare.ExperimentRecords;
import polyphony.activities.evaluate.IterationRecord;
import polyphony.storage.Artifacts;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.DebateTurns;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Society;

/**
 * A society as an iteration left it behind.
 *
 * @param experiment with the iterations that are finished
 * @param iteration 0 for the untuned society
 */
public record RecordedSociety(Experiment experiment, int iteration, Society society) {
  /**
   * @param iteration null: the last that is finished
   * @throws PolyphonyException CONFIG where the store has no such experiment or iteration, DATA
   *     where what it has cannot be read
   */
  public static RecordedSociety read(
      ObjectStore store, Artifacts artifacts, String name, Integer iteration) {
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
    List<IterationReport> reports = records.reports(name);
    if (reports.isEmpty()) {
      throw PolyphonyException.config(
          "experiment " + name + " has finished no iteration yet; wait for its first");
    }
    int last = reports.size() - 1;
    int asked = iteration == null ? last : iteration;
    if (asked < 0 || asked > last) {
      throw PolyphonyException.config(
          "iteration is "
              + asked
              + ", allowed: 0 (the untuned society) to "
              + last
              + ", which experiment "
              + name
              + " has finished");
    }
    return new RecordedSociety(
        experiment.withIterations(last),
        asked,
        IterationRecord.read(artifacts, reports.get(asked).record()).request().society());
  }

  /** How it debates evaluation questions. */
  public DebateTurns turns() {
    return DebateTurns.evaluation(experiment, iteration, society);
  }
}
