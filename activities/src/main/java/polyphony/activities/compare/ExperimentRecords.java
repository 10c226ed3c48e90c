package polyphony.activities.compare;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import polyphony.storage.ErrorClass;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sealed;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.IterationReport;

/** What a store tells of experiments by their names, whether or not there is a history of them. */
public final class ExperimentRecords {
  private static final String PREFIX = "experiments/";
  private static final String EXPERIMENT = "/experiment.json";
  private static final int MAX_BYTES = 1 << 20;
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectStore store;

  public ExperimentRecords(ObjectStore store) {
    this.store = store;
  }

  /** Every experiment that was resolved, sorted. */
  public List<String> names() {
    return store.list(PREFIX).stream()
        .filter(key -> key.endsWith(EXPERIMENT))
        .map(key -> key.substring(PREFIX.length(), key.length() - EXPERIMENT.length()))
        .toList();
  }

  /**
   * The experiment as it was resolved first, with the iterations asked for then.
   *
   * @throws PolyphonyException DATA where the record cannot be read
   */
  public Optional<Experiment> experiment(String name) {
    return find(PREFIX + name + EXPERIMENT, Experiment.class);
  }

  /** The reports of its finished iterations, from iteration 0. */
  public List<IterationReport> reports(String name) {
    List<IterationReport> reports = new ArrayList<>();
    Optional<IterationReport> report = report(name, 0);
    while (report.isPresent()) {
      reports.add(report.get());
      report = report(name, reports.size());
    }
    return reports;
  }

  /** The report of one iteration, if it is finished. */
  public Optional<IterationReport> report(String name, int iteration) {
    return find(
        PREFIX + ExperimentNames.iteration(name, iteration) + ".json", IterationReport.class);
  }

  private <T> Optional<T> find(String key, Class<T> type) {
    try {
      return Optional.of(JSON.readValue(Sealed.content(store.bytes(key, MAX_BYTES)), type));
    } catch (MissingObjectException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          key + " in the store is damaged, or of another version: polyphony audit says what to do",
          e);
    }
  }
}
