package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ExperimentNamesTest {
  private static String derived(String spec) {
    return ExperimentNames.derive(
        SpecDefaults.complete(PolyphonyDataConverter.parse(spec), ModelDefaults.NONE));
  }

  /** Pinned: another hash would make finished experiments look new. */
  @Test
  void theDefaultExperimentsNameIsPinned() {
    assertThat(derived("{}")).isEqualTo("multiagent-ft-arithmetic-seed0-0cf04d9c");
  }

  @Test
  void pilotsAreKnownByTheirNames() {
    ExperimentSpec spec =
        SpecDefaults.complete(PolyphonyDataConverter.parse("{}"), ModelDefaults.NONE);
    assertThat(ExperimentNames.pilot(spec)).isEqualTo("pilot-0cf04d9c");
    assertThat(ExperimentNames.isPilot("pilot-0cf04d9c")).isTrue();
    assertThat(ExperimentNames.isPilot("pilot-study")).isFalse();
    assertThat(ExperimentNames.isPilot(ExperimentNames.derive(spec))).isFalse();
  }

  @Test
  void moreIterationsExtendTheSameExperiment() {
    assertThat(derived("{\"iterations\": 5}")).isEqualTo(derived("{}"));
    assertThat(derived("{\"experiment\": \"any\"}")).isEqualTo(derived("{}"));
  }

  @Test
  void everythingElseMakesAnotherExperiment() {
    assertThat(derived("{\"agents\": 4}")).isNotEqualTo(derived("{}"));
    assertThat(derived("{\"training\": {\"critic\": {\"epochs\": 9}}}"))
        .isNotEqualTo(derived("{}"));
    String transfer = derived("{\"evaluateOn\": \"gsm8k\"}");
    assertThat(transfer).isNotEqualTo(derived("{}"));
    assertThat(derived("{\"evaluateOn\": {\"name\": \"gsm8k\", \"evaluate\": 9}}"))
        .isNotEqualTo(transfer);
    assertThat(derived("{\"task\": {\"operands\": 60}}")).isNotEqualTo(derived("{}"));
    assertThat(derived("{\"questions\": \"fresh\"}")).isNotEqualTo(derived("{}"));
    assertThat(derived("{\"seed\": 3}")).startsWith("multiagent-ft-arithmetic-seed3-");
  }

  @Test
  void spellingOutADefaultMakesNoOtherExperiment() {
    assertThat(derived("{\"agents\": 3, \"task\": \"arithmetic\"}")).isEqualTo(derived("{}"));
  }

  @Test
  void aDerivedNameIsValidHoweverLongTheTasksName() {
    for (String method : Method.names()) {
      String name =
          derived(
              "{\"method\": \""
                  + method
                  + "\", \"seed\": 9007199254740991, \"task\": \""
                  + "t".repeat(100)
                  + "\"}");
      assertThat(ExperimentNames.isValid(name)).as(name).isTrue();
    }
  }

  @Test
  void namesAreLettersDigitsDotsUnderscoresAndHyphens() {
    for (String valid : new String[] {"a", "A-1_b.c", "0", "x".repeat(100)}) {
      assertThat(ExperimentNames.isValid(valid)).as(valid).isTrue();
    }
    for (String invalid :
        new String[] {"", "..", "-a", "a/b", "a b", "ä", "a\n", "x".repeat(101)}) {
      assertThat(ExperimentNames.isValid(invalid)).as(invalid).isFalse();
    }
  }

  @Test
  void iterationsAreNumberedWithThreeDigits() {
    assertThat(ExperimentNames.iteration("x", 3)).isEqualTo("x/iteration-003");
  }
}
