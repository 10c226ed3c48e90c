package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What is said when Ctrl-C ends this process's part in what goes on at a service. */
class RunSessionTest {
  private static final String SERVICE = "Temporal at temporal:7233";

  @Test
  void anExperimentSaysHowToWatchHoldAndEndIt() {
    assertThat(RunSession.Followed.experiment("mine").lines(SERVICE, false))
        .containsExactly(
            "stopped here; nothing that is finished is lost. experiment mine goes on at " + SERVICE,
            "to watch it:   polyphony watch mine",
            "to hold it:    polyphony pause mine",
            "to end it:     polyphony stop-after-iteration mine, or at once: polyphony abort mine");
  }

  @Test
  void whatNobodyElseWorksOnWaitsForAWorker() {
    assertThat(RunSession.Followed.experiment("mine").lines(SERVICE, true).get(0))
        .endsWith("goes on at " + SERVICE + " as soon as a worker is there: polyphony worker");
  }

  @Test
  void aComparisonIsJoinedByTheSameCommand() {
    assertThat(
            RunSession.Followed.comparison("all", "polyphony compare --seeds 0")
                .lines(SERVICE, false))
        .containsExactly(
            "stopped here; nothing that is finished is lost. comparison all goes on at " + SERVICE,
            "to watch it, the same again:",
            "  polyphony compare --seeds 0");
  }
}
