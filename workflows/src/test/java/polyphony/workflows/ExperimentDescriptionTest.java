package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ExperimentDescriptionTest {
  private static ExperimentSpec complete(String json) {
    return SpecDefaults.complete(PolyphonyDataConverter.parse(json), ModelDefaults.NONE);
  }

  @Test
  void anExperimentIsTold() {
    assertThat(ExperimentDescription.summary(complete("{}")))
        .isEqualTo("multiagent-ft on arithmetic · built-in · 3 agents, 2 rounds, 3 iterations");
    assertThat(ExperimentDescription.details(complete("{}")))
        .startsWith(
            "- method: multiagent-ft\n- task: arithmetic, 500 questions to finetune on, 500 to"
                + " evaluate on\n- base model: built-in\n");
  }

  @Test
  void whatIsEvaluatedOnIsToldWhereItIsAnotherTask() {
    ExperimentSpec spec =
        complete(
            "{\"task\": {\"name\": \"math\", \"levels\": [1, 2], \"train\": 9}, \"questions\":"
                + " \"fresh\", \"evaluateOn\": {\"name\": \"arithmetic\", \"operands\": 60}}");
    assertThat(ExperimentDescription.summary(spec))
        .startsWith(
            "multiagent-ft on math of levels 1, 2, evaluated on arithmetic with operands up to 60"
                + " · ");
    assertThat(ExperimentDescription.details(spec))
        .contains(
            """

            - task: math of levels 1, 2, 9 questions in each iteration to finetune on
            - evaluated on: arithmetic with operands up to 60, 500 questions
            """);
  }

  @Test
  void howAgentsWithAdaptersAreTunedIsSaid() {
    ExperimentSpec lora = complete("{\"training\": {\"tuning\": \"lora\"}}");
    assertThat(ExperimentDescription.summary(lora)).endsWith(" · LoRA, rank 8, all linear layers");
    assertThat(ExperimentDescription.details(lora))
        .contains("\n- tuning: LoRA, rank 8, all linear layers\n");
    assertThat(
            ExperimentDescription.summary(
                complete(
                    "{\"training\": {\"generator\": {\"tuning\": \"lora\", \"rank\": 4,"
                        + " \"targets\": [\"q_proj\", \"v_proj\"]}}}")))
        .endsWith(" · generators LoRA, rank 4, q_proj, v_proj; critics full");
    assertThat(
            ExperimentDescription.summary(
                complete("{\"method\": \"debate\", \"training\": {\"tuning\": \"lora\"}}")))
        .doesNotContain("LoRA");
  }
}
