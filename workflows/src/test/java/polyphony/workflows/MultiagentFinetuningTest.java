package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MultiagentFinetuningTest {
  private static final String SMALL = "\"task\": {\"train\": 4, \"evaluate\": 3}";

  private final FakeSteps steps = new FakeSteps();

  @Test
  void anExperimentRunsToItsEnd() {
    try (TestService service = new TestService(steps)) {
      ExperimentResult result = service.run("x", "{\"iterations\": 1, " + SMALL + "}");
      assertThat(result.iterations()).hasSize(2);
    }
  }
}
