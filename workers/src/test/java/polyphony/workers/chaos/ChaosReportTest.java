package polyphony.workers.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ChaosReportTest {
  private static Outcome outcome(String fault, int repeat, int answers, Double seconds) {
    return new Outcome(
        fault,
        "debate",
        repeat,
        seconds == null ? List.of("it has not ended") : List.of(),
        answers,
        0,
        0,
        seconds,
        seconds == null ? null : seconds - 1,
        60);
  }

  @Test
  void theTableHasTheMiddleAndTheWorstOfEveryFault() {
    ChaosReport report =
        new ChaosReport(
            2,
            900,
            64,
            30,
            List.of(
                outcome("kill-in-debate", 0, 50, 41.0),
                outcome("kill-in-vote", 0, 0, null),
                outcome("kill-in-debate", 1, 100, 40.0),
                outcome("kill-in-debate", 2, 10, 44.5)));
    assertThat(report.passed()).isFalse();
    assertThat(report.text())
        .isEqualTo(
            """
                                     answers     training  texts   seconds to        seconds
            fault           passed     again  steps again  again     progress  after mending
            kill-in-debate  3 of 3  50 / 100        0 / 0  0 / 0  41.0 / 44.5    40.0 / 43.5
            kill-in-vote    0 of 1     0 / 0        0 / 0  0 / 0            –              –

            Middle and worst of all trials. Undisturbed: 900 answers, 64 training steps, 30 s on 2 processors.
            """);
  }

  @Test
  void aFailedTrialSaysWhy() {
    assertThat(ChaosReport.line(outcome("zombie", 1, 3, null)))
        .isEqualTo(
            "zombie 2: FAILED; 3 answers, 0 training steps, 0 texts again; progress after –; 60 s\n"
                + "  it has not ended");
  }
}
