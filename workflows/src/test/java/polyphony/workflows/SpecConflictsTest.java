package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpecConflictsTest {
  private static final ExperimentSpec RECORDED =
      SpecDefaults.complete(
          PolyphonyDataConverter.parse(
              "{\"training\": {\"epochs\": 3, \"critic\": {\"epochs\": 1}}}"),
          ModelDefaults.NONE);

  private static List<String> conflicts(String asked) {
    return SpecConflicts.between(RECORDED, PolyphonyDataConverter.parse(asked));
  }

  @Test
  void whatIsLeftOpenAgreesWithAnything() {
    assertThat(conflicts("{}")).isEmpty();
    assertThat(conflicts("{\"task\": {\"train\": 500}}")).isEmpty();
  }

  @Test
  void theSameValuesAgree() {
    assertThat(SpecConflicts.between(RECORDED, RECORDED)).isEmpty();
  }

  @Test
  void nameAndIterationsMayDiffer() {
    assertThat(conflicts("{\"experiment\": \"other\", \"iterations\": 50}")).isEmpty();
  }

  @Test
  void everyFieldThatWasAskedForAndDiffersIsNamed() {
    assertThat(
            conflicts(
                "{\"agents\": 5, \"method\": \"debate\", \"task\": {\"name\": \"gsm8k\","
                    + " \"train\": 7}, \"sampling\": {\"topP\": 1}}"))
        .containsExactly(
            "method is \"multiagent-ft\" in the recorded experiment, not \"debate\"",
            "task.name is \"arithmetic\" in the recorded experiment, not \"gsm8k\"",
            "task.train is 500 in the recorded experiment, not 7",
            "agents is 3 in the recorded experiment, not 5",
            "sampling.topP is 0.9 in the recorded experiment, not 1.0");
  }

  @Test
  void whatTheRecordLeavesOpenConflictsWithAnyValue() {
    assertThat(conflicts("{\"evaluateOn\": \"math\"}"))
        .containsExactly("evaluateOn.name is not set in the recorded experiment, not \"math\"");
  }

  @Test
  void operandsAreComparedWithThoseThatArithmeticHasAnyway() {
    assertThat(conflicts("{\"task\": {\"operands\": 29}}")).isEmpty();
    assertThat(conflicts("{\"task\": {\"operands\": 60}}"))
        .containsExactly("task.operands is 29 in the recorded experiment, not 60");
    ExperimentSpec harder =
        SpecDefaults.complete(
            PolyphonyDataConverter.parse(
                "{\"evaluateOn\": {\"name\": \"arithmetic\", \"operands\": 60}}"),
            ModelDefaults.NONE);
    assertThat(
            SpecConflicts.between(
                harder,
                PolyphonyDataConverter.parse(
                    "{\"evaluateOn\": {\"name\": \"arithmetic\", \"operands\": 29}}")))
        .containsExactly("evaluateOn.operands is 60 in the recorded experiment, not 29");
  }

  @Test
  void aRolesOverrideIsComparedWithWhatHoldsForThatRole() {
    assertThat(
            conflicts(
                "{\"training\": {\"generator\": {\"epochs\": 3}, \"critic\": {\"epochs\": 1}}}"))
        .isEmpty();
    assertThat(conflicts("{\"training\": {\"critic\": {\"epochs\": 3}}}"))
        .containsExactly("training.critic.epochs is 1 in the recorded experiment, not 3");
  }

  @Test
  void thatActivationsAreKeptIsNoConflictWhereItIsLeftOut() {
    assertThat(
            conflicts("{\"training\": {\"recompute\": false, \"critic\": {\"recompute\": false}}}"))
        .isEmpty();
    assertThat(conflicts("{\"training\": {\"recompute\": true}}"))
        .containsExactly("training.recompute is false in the recorded experiment, not true");
    assertThat(conflicts("{\"training\": {\"tuning\": \"lora\"}}"))
        .containsExactly("training.tuning is \"full\" in the recorded experiment, not \"lora\"");
  }
}
