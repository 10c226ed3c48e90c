package polyphony.activities.audit;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.temporal.api.history.v1.History;
import io.temporal.common.WorkflowExecutionHistory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
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
        ? "experiment"
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
