package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.activities.RunningStep;
import polyphony.workflows.ParkedStep;
import polyphony.workflows.Progress;

class StatusTextTest {
  private static final String START = "2026-11-20T13:05:00Z";
  private final StatusText text =
      new StatusText(Instant.parse("2026-11-20T13:17:30Z"), ZoneOffset.UTC);

  @Test
  void aRunningExperimentShowsItsPhaseAndWhoWorksOnIt() {
    assertThat(
            text.of(
                status(
                    ExperimentState.RUNNING,
                    "debate",
                    List.of(),
                    List.of(
                        new PendingStep(
                            "debate",
                            "running",
                            1,
                            "cpu@node7:4711",
                            new RunningStep("debate", "agent 2, round 1", 120, 250, 1),
                            "2026-11-20T13:16:10Z",
                            null),
                        new PendingStep(
                            "debate",
                            "retrying",
                            3,
                            "cpu@node8:12",
                            null,
                            "2026-11-20T13:17:40Z",
                            "the disk is full (INFRASTRUCTURE)"),
                        new PendingStep("debate", "waiting", 1, null, null, START, null)))))
        .isEqualTo(
            """
            mine · multiagent-ft on arithmetic
            running since 2026-11-20 13:05 (12:30) · debate 5/12 · iteration 2 of 3

            steps
              debate running on cpu@node7:4711 for 1:20 · agent 2, round 1, 120/250
              debate retrying in 0:10 · attempt 3 · last on cpu@node8:12: the disk is full \
            (INFRASTRUCTURE)
              debate waiting for 12:30
            """);
  }

  @Test
  void manyStepsAreSummedUp() {
    List<PendingStep> pending = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      pending.add(new PendingStep("debate", "waiting", 1, null, null, START, null));
    }
    assertThat(text.of(status(ExperimentState.RUNNING, "debate", List.of(), pending)).lines())
        .hasSize(2 + 2 + 12 + 1)
        .last()
        .isEqualTo("  and more: 28 waiting");
  }

  @Test
  void whatNeedsAttentionSaysWhatToDo() {
    List<String> attention =
        Attention.lines(
            "mine",
            List.of(
                new ParkedStep(
                    "train critic 2 of 3", "DATA", "a file is gone", "it keeps its weights"),
                new ParkedStep("vote for labels", "BUG", "a defect", "")));
    assertThat(
            text.of(
                status(
                    ExperimentState.NEEDS_ATTENTION,
                    Progress.NEEDS_ATTENTION,
                    attention,
                    List.of())))
        .isEqualTo(
            """
            mine · multiagent-ft on arithmetic
            NEEDS_ATTENTION since 2026-11-20 13:05 (12:30) · iteration 2 of 3

            train critic 2 of 3 failed (DATA): a file is gone
            vote for labels failed (BUG): a defect
            mend that, then: polyphony retry mine
            or go on without: polyphony skip mine (it keeps its weights)
            or give up, keeping what is done: polyphony abort mine
            """);
  }

  @Test
  void anExperimentWithoutAHistoryShowsWhatTheStoreHolds() {
    ExperimentStatus recorded =
        new ExperimentStatus(
            "mine",
            null,
            ExperimentState.RECORDED,
            null,
            null,
            null,
            1,
            3,
            null,
            null,
            null,
            List.of(),
            List.of(),
            List.of(Reports.untuned(), Reports.tuned(1)),
            List.of("Temporal has no history of it (any more): this is what the store holds"));
    assertThat(text.of(recorded))
        .startsWith("mine\nrecorded · iteration 1 of 3\n\n")
        .contains(ResultsTable.of(recorded.reports()))
        .endsWith("\n\nTemporal has no history of it (any more): this is what the store holds\n");
  }

  @Test
  void aClosedExperimentShowsWhenAndWhy() {
    ExperimentStatus failed =
        new ExperimentStatus(
            "mine",
            "",
            ExperimentState.FAILED,
            START,
            "2026-11-20T14:07:01Z",
            null,
            null,
            null,
            null,
            null,
            "the model is gone; import it again",
            List.of(),
            List.of(),
            List.of(),
            List.of());
    assertThat(text.of(failed))
        .isEqualTo(
            "mine\nfailed 2026-11-20 14:07 after 1:02:01\nthe model is gone; import it again\n");
  }

  private static ExperimentStatus status(
      ExperimentState state, String phase, List<String> attention, List<PendingStep> pending) {
    return new ExperimentStatus(
        "mine",
        "multiagent-ft on arithmetic",
        state,
        START,
        null,
        phase,
        2,
        3,
        5,
        12,
        null,
        attention,
        pending,
        List.of(),
        List.of());
  }
}
