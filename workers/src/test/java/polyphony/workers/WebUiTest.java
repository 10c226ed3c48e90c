package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WebUiTest {
  private final WebUi ui = new WebUi("http://localhost:8233", "my team");

  @Test
  void theStartFormIsFilledInAsFarAsTheUiTakesIt() {
    assertThat(ui.start("my-experiment"))
        .isEqualTo(
            "http://localhost:8233/namespaces/my%20team/workflows/start-workflow"
                + "?workflowId=my-experiment&taskQueue=orchestration"
                + "&workflowType=MultiagentFinetuning");
  }

  @Test
  void anExperimentIsItsLatestRun() {
    assertThat(ui.experiment("mine"))
        .isEqualTo("http://localhost:8233/namespaces/my%20team/workflows/mine");
  }
}
