package polyphony.workflows;

import polyphony.storage.ArtifactRef;

/**
 * A workflow's history in the store.
 *
 * @param workflowId of an experiment or one of its iterations
 * @param runId of that workflow: every start has its own
 * @param events how many there are
 * @param history as JSON that Temporal's UI can import and its SDKs can replay
 */
public record ExportedHistory(String workflowId, String runId, int events, ArtifactRef history) {}
