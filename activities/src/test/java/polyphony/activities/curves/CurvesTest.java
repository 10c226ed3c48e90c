package polyphony.activities.curves;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Timestamp;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.History;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.history.v1.WorkflowExecutionStartedEventAttributes;
import io.temporal.common.WorkflowExecutionHistory;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.StoreInFolder;
import polyphony.activities.audit.HistoryArchive;
import polyphony.activities.report.SmallExperiment;
import polyphony.storage.Artifacts;
import polyphony.workflows.ExportedHistory;

class CurvesTest {
  @TempDir private Path folder;
  private StoreInFolder store;
  private SmallExperiment experiment;

  @BeforeEach
  void anExperimentOfThreeIterationsOfWhichOneIsDone() throws Exception {
    store = new StoreInFolder(folder);
    experiment = new SmallExperiment(store, "mine", "multiagent-ft", 0).iterate().iterate();
  }

  private Curves curves() {
    return Curves.read(store.store, store.artifacts, "mine");
  }

  private ExportedHistory ended(String run, Instant end) {
    History history =
        History.newBuilder()
            .addEvents(
                HistoryEvent.newBuilder()
                    .setEventId(1)
                    .setEventType(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
                    .setWorkflowExecutionStartedEventAttributes(
                        WorkflowExecutionStartedEventAttributes.getDefaultInstance())
                    .setEventTime(Timestamp.newBuilder().setSeconds(end.getEpochSecond())))
            .build();
    return new HistoryArchive(store.store, store.artifacts)
        .keep("mine", run, new WorkflowExecutionHistory(history, "mine"));
  }

  @Test
  void itIsFinishedWithAsManyIterationsAsWereAskedForLast() throws Exception {
    assertThat(curves().finished()).isFalse();
    experiment.extended(4).iterate().iterate();
    assertThat(curves().finished()).as("3 of 3, and then of 4").isFalse();
    experiment.iterate();
    assertThat(curves().finished()).isTrue();
  }

  @Test
  void itIsFinishedWhereItsRunEndedAfterItsNewestIteration() throws Exception {
    ended("first", Instant.now().minus(Duration.ofDays(1)));
    assertThat(curves().finished()).as("another run has gone on since").isFalse();
    ExportedHistory stopped = ended("second", Instant.now().plus(Duration.ofDays(1)));
    assertThat(curves().finished()).isTrue();
    store.store.delete(Artifacts.key(stopped.history()));
    assertThat(curves().finished()).as("a history that is lost tells nothing").isFalse();
  }

  @Test
  void tagsNameAllThatItStartedFrom() {
    assertThat(curves().tags())
        .containsEntry("polyphony.prompts", experiment.experiment().prompts().sha256())
        .doesNotContainKeys(
            "polyphony.evaluatePrompts",
            "polyphony.likelihoodCheckpoint",
            "polyphony.embeddingCheckpoint");
    experiment.evaluatedByOthers();
    assertThat(curves().tags())
        .containsEntry(
            "polyphony.evaluatePrompts", experiment.experiment().evaluatePrompts().sha256())
        .containsEntry(
            "polyphony.likelihoodCheckpoint",
            experiment.experiment().likelihoodCheckpoint().sha256())
        .containsEntry(
            "polyphony.embeddingCheckpoint",
            experiment.experiment().embeddingCheckpoint().sha256());
  }
}
