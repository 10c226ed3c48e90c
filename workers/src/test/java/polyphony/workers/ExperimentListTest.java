package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.workflows.Progress;

class ExperimentListTest {
  @Test
  void everyExperimentIsALine() {
    ExperimentList list =
        new ExperimentList(
            List.of(
                new ExperimentList.Entry(
                    "second",
                    "arithmetic → gsm8k",
                    ExperimentState.RUNNING,
                    2,
                    "train",
                    0.84,
                    "2026-11-20T13:05:00Z"),
                new ExperimentList.Entry(
                    "stuck",
                    "arithmetic",
                    ExperimentState.NEEDS_ATTENTION,
                    0,
                    Progress.NEEDS_ATTENTION,
                    null,
                    "2026-11-19T08:00:00Z"),
                new ExperimentList.Entry(
                    "old", null, ExperimentState.RECORDED, 3, null, 0.8661, null)),
            List.of("a note"));
    assertThat(list.text(ZoneOffset.UTC))
        .isEqualTo(
            """
            experiment                task            state  iteration  accuracy  phase           started
            second      arithmetic → gsm8k          running          2     0.840  train  2026-11-20 13:05
            stuck               arithmetic  NEEDS_ATTENTION    untuned         –      –  2026-11-19 08:00
            old                          –         recorded          3     0.866      –                 –
            a note
            """);
  }

  @Test
  void noExperimentsAreSaidToBeNone() {
    assertThat(new ExperimentList(List.of(), List.of()).text(ZoneOffset.UTC))
        .isEqualTo("no experiments\n");
  }
}
