package polyphony.activities.audit;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.JsonFormat;
import io.temporal.api.history.v1.History;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.common.WorkflowExecutionHistory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sealed;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.ExportedHistory;

/**
 * Temporal's histories in the store, which outlives them: each an object, named by {@code
 * experiments/<name>/histories/<experiment or iteration-003>.<run>.json}.
 */
public final class HistoryArchive {
  /** What stands for the experiment itself among its iterations. */
  private static final String EXPERIMENT = "experiment";

  private static final int LARGEST_RECORD = 1 << 16;
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectStore store;
  private final Artifacts artifacts;

  public HistoryArchive(ObjectStore store, Artifacts artifacts) {
    this.store = store;
    this.artifacts = artifacts;
  }

  /** Keeps a history. Doing so again, when it has grown, replaces what was kept. */
  public ExportedHistory keep(String workflowId, String runId, WorkflowExecutionHistory history) {
    String name = shortName(workflowId);
    ArtifactRef json =
        artifacts.put(
            history.toJson(true).getBytes(StandardCharsets.UTF_8),
            "application/json",
            name + ".history.json");
    ExportedHistory kept = new ExportedHistory(workflowId, runId, history.getEvents().size(), json);
    store.write(
        prefix(ExperimentNames.experiment(workflowId)) + name + "." + runId + ".json",
        Sealed.seal(CanonicalJson.bytes(kept)));
    return kept;
  }

  private static String shortName(String workflowId) {
    String experiment = ExperimentNames.experiment(workflowId);
    return workflowId.equals(experiment)
        ? EXPERIMENT
        : workflowId.substring(experiment.length() + 1);
  }

  /** Where the records of an experiment's histories lie. */
  public static String prefix(String experiment) {
    return "experiments/" + experiment + "/histories/";
  }

  /** Keys of the records of what was kept of an experiment and its iterations. */
  public List<String> records(String experiment) {
    return store.list(prefix(experiment));
  }

  /**
   * When a run of an experiment last came to its end, as far as the store knows: the last act of a
   * run is to have its own history kept. A later run may be at work.
   */
  public Optional<Instant> ended(String experiment) {
    List<Instant> ends = new ArrayList<>();
    for (String key : store.list(prefix(experiment) + EXPERIMENT + ".")) {
      try {
        List<HistoryEvent> events = read(record(key)).getEvents();
        if (!events.isEmpty()) {
          Timestamp last = events.get(events.size() - 1).getEventTime();
          ends.add(Instant.ofEpochSecond(last.getSeconds(), last.getNanos()));
        }
      } catch (IOException e) {
        // What is damaged tells nothing; the audit tells of it.
      } catch (PolyphonyException e) {
        if (e.errorClass().retryable()) {
          throw e;
        }
        // Likewise.
      }
    }
    return ends.stream().max(Comparator.naturalOrder());
  }

  /**
   * Reads a record.
   *
   * @throws IOException where it is damaged
   */
  public ExportedHistory record(String key) throws IOException {
    return JSON.readValue(Sealed.content(store.bytes(key, LARGEST_RECORD)), ExportedHistory.class);
  }

  /**
   * A history that was kept.
   *
   * @throws PolyphonyException DATA where it is missing or damaged
   */
  public WorkflowExecutionHistory read(ExportedHistory kept) {
    String json = new String(artifacts.bytes(kept.history()), StandardCharsets.UTF_8);
    History.Builder history = History.newBuilder();
    try {
      JsonFormat.parser().ignoringUnknownFields().merge(json, history);
    } catch (InvalidProtocolBufferException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, kept.history().sha256() + " in the store is no history", e);
    }
    return new WorkflowExecutionHistory(history.build(), kept.workflowId());
  }
}
