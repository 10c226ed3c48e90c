package polyphony.activities.prompts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.prompts.PromptSet.Part;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class PromptSetTest {
  @Test
  void theCompactSetSpeaksTheDialect() {
    PromptSet prompts = PromptSet.named("compact");
    List<String> answers = List.of("1*2=2#2", "3#3");
    assertThat(prompts.generate("1+2*3+4-5*6")).isEqualTo("Q1+2*3+4-5*6");
    assertThat(prompts.summarise(answers)).isEqualTo("B1*2=2#2\nB3#3\nS");
    assertThat(prompts.criticWithSummary("2,3", "1+2")).isEqualTo("S2,3\nQ1+2");
    assertThat(prompts.criticWithAnswers(answers, "1+2")).isEqualTo("B1*2=2#2\nB3#3\nQ1+2");
  }

  @Test
  void theStandardSetShowsEveryoneWhatTheyNeed() {
    PromptSet prompts = PromptSet.named("standard");
    List<String> answers = List.of("one says \\boxed{5}", "another says \\boxed{6}");
    assertThat(prompts.generate("1+2")).contains("1+2", "\\boxed{}");
    assertThat(prompts.summarise(answers))
        .contains("Solution 1:\n\"\"\"\none says \\boxed{5}\n\"\"\"\n\nSolution 2:");
    assertThat(prompts.criticWithSummary("they differ", "1+2"))
        .contains("they differ", "1+2", "\\boxed{}");
    assertThat(prompts.criticWithAnswers(answers, "1+2"))
        .contains("one says", "another says", "1+2", "\\boxed{}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"standard", "compact"})
  void aSetIsOneArtifactAndIsReadBack(String name) {
    PromptSet prompts = PromptSet.named(name);
    assertThat(PromptSet.read(prompts.bytes())).isEqualTo(prompts);
    assertThat(PromptSet.read(prompts.bytes()).bytes()).isEqualTo(prompts.bytes());
  }

  @ParameterizedTest
  @ValueSource(strings = {"standard", "gsm8k", "math", "mmlu"})
  void everyTaskHasEveryRole(String name) {
    PromptSet prompts = PromptSet.named(name);
    String form = name.equals("mmlu") ? "(A)" : "\\boxed{}";
    assertThat(prompts.generate("What?")).contains("What?", form);
    assertThat(prompts.criticWithSummary("They say 5.", "What?"))
        .contains("They say 5.", "What?", form);
    assertThat(prompts.criticWithAnswers(List.of("5", "6"), "What?"))
        .contains("Solution 1:", "Solution 2:", "What?", form);
    assertThat(prompts.cooperative("They say 5.", "What?")).contains("They say 5.", "What?", form);
    assertThat(prompts.cooperative(List.of("5", "6"), "What?")).contains("Solution 2:");
    assertThat(prompts.uniqueId(1, 3, "a sceptic", "What?"))
        .contains("agent 2 of 3", "a sceptic", "What?", form);
    assertThat(prompts.doubleCheck("What?")).contains("What?", form);
    assertThat(prompts.summarise(List.of("5"))).contains("Solution 1:").doesNotContain("What?");
  }

  @Test
  void aDialectMayLackRolesAndSaysSoWhereTheyAreNeeded() {
    assertThatThrownBy(() -> PromptSet.named("compact").doubleCheck("1+2"))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("no template \"double-check\"");
  }

  @Test
  void aPersonsOwnSetIsAFolderOfFiles(@TempDir Path folder) throws IOException {
    for (Map.Entry<String, String> each : PromptSet.named("math").templates().entrySet()) {
      Files.writeString(folder.resolve(each.getKey() + ".txt"), each.getValue() + "\n");
    }
    assertThat(PromptSet.folder(folder)).isEqualTo(PromptSet.named("math"));
    Files.delete(folder.resolve("generate.txt"));
    assertThatThrownBy(() -> PromptSet.folder(folder)).hasMessageContaining("generate.txt");
  }

  @Test
  void whatIsInsertedIsNotScannedAgain() {
    PromptSet prompts = PromptSet.named("standard");
    assertThat(prompts.generate("{question} $1 \\1 {answers}"))
        .contains("{question} $1 \\1 {answers}");
    assertThat(prompts.criticWithSummary("{question}{summary}", "1+2"))
        .contains("{question}{summary}")
        .containsOnlyOnce("1+2");
    assertThat(prompts.criticWithAnswers(List.of("{question}{answer}{number}"), "1+2"))
        .contains("{question}{answer}{number}");
  }

  private static Map<String, String> templates(Part part, String template) {
    Map<String, String> templates = new TreeMap<>(PromptSet.named("compact").templates());
    templates.put(part.key(), template);
    return templates;
  }

  @Test
  void anUnknownPlaceholderIsNamed() {
    assertThatThrownBy(() -> new PromptSet(templates(Part.SUMMARISE, "{answers}{question}")))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContaining("{question}")
        .hasMessageContaining("summarise")
        .hasMessageContaining("{answers}");
  }

  @Test
  void aTemplateWithoutWhatItIsForIsRefused() {
    assertThatThrownBy(() -> new PromptSet(templates(Part.GENERATE, "Well?")))
        .hasMessageContaining("{question}");
    assertThat(new PromptSet(templates(Part.QUOTED_ANSWER, "{number}: {answer} {}")))
        .extracting(each -> each.summarise(List.of("x", "y")))
        .isEqualTo("1: x {}\n2: y {}\nS");
  }

  @Test
  void missingAndUnknownTemplatesAreNamed() {
    Map<String, String> missing = new TreeMap<>(PromptSet.named("compact").templates());
    missing.remove("generate");
    assertThatThrownBy(() -> new PromptSet(missing)).hasMessageContaining("generate");
    Map<String, String> unknown = new TreeMap<>(PromptSet.named("compact").templates());
    unknown.put("greet", "hello");
    assertThatThrownBy(() -> new PromptSet(unknown)).hasMessageContaining("greet");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "null", "[]", "{\"generate\": null}", "{\"generate\": {}}", "{} {}"})
  void whatIsNoPromptSetIsRefused(String json) {
    assertThatThrownBy(() -> PromptSet.read(json.getBytes(StandardCharsets.UTF_8)))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA));
  }

  @Test
  void anUnknownSetIsRefusedWithTheNamesThereAre() {
    assertThat(PromptSet.names()).containsExactly("compact", "gsm8k", "math", "mmlu", "standard");
    assertThatThrownBy(() -> PromptSet.named("../compact"))
        .hasMessageContaining("compact, gsm8k, math, mmlu, standard");
  }
}
