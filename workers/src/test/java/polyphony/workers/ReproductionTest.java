package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentSpec;

class ReproductionTest {
  static Stream<String> names() {
    return Reproduction.NAMES.stream();
  }

  @Test
  void allTablesAndAllFiguresWithNumbersAreThere() {
    assertThat(Reproduction.NAMES)
        .hasSize(19)
        .contains("table-1", "table-7", "figure-1", "figure-3", "figure-13")
        .doesNotContain("figure-2");
  }

  @ParameterizedTest
  @MethodSource("names")
  void everySpecCanBeRun(String name) {
    Reproduction reproduction = Reproduction.named(name);
    assertThat(reproduction.title())
        .startsWith(name.substring(0, 1).toUpperCase(java.util.Locale.ROOT))
        .contains(name.replaceAll("\\D", ""));
    List<ExperimentSpec> experiments = reproduction.comparison().experiments();
    assertThat(experiments)
        .extracting(ExperimentSpec::baseModel)
        .contains("phi-3", "mistral-7b", "llama-3-8b");
    List<ExperimentSpec> miniature = reproduction.miniature().experiments();
    assertThat(miniature)
        .allSatisfy(
            each -> {
              assertThat(each.baseModel()).isNull();
              assertThat(each.task() == null ? "arithmetic" : each.task().name())
                  .isEqualTo("arithmetic");
            });
    // The miniature has the very methods of the whole.
    assertThat(miniature.stream().map(ExperimentSpec::method).distinct())
        .containsExactlyElementsOf(
            experiments.stream().map(ExperimentSpec::method).distinct().toList());
    boolean curve = reproduction.series() != null;
    assertThat(miniature)
        .filteredOn(each -> each.iterations() != null)
        .extracting(ExperimentSpec::iterations)
        .containsOnly(curve ? 5 : 1);
  }

  @ParameterizedTest
  @MethodSource("names")
  void sizesCanBeChangedInAllOfThem(String name) {
    Reproduction reproduction = Reproduction.named(name);
    assertThat(
            Stream.of(reproduction.comparison(), reproduction.miniature())
                .flatMap(each -> each.withQuestions(20).experiments().stream()))
        .allSatisfy(
            each -> {
              assertThat(each.task().train()).isEqualTo(20);
              assertThat(each.evaluated().evaluate()).isEqualTo(20);
            });
  }

  @Test
  void anUnknownOneIsRefusedWithTheNames() {
    assertThatThrownBy(() -> Reproduction.named("figure-2"))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("there is no figure-2 to reproduce, allowed: table-1")
        .hasMessageContaining("figure-13");
    assertThatThrownBy(() -> Reproduction.named("../x")).isInstanceOf(PolyphonyException.class);
  }
}
