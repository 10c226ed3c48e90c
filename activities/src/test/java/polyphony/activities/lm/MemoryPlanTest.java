package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class MemoryPlanTest {
  @TempDir Path folder;

  private LanguageModel model;

  /** The weights of a tiny one behind the description of one of 134 million parameters. */
  @BeforeEach
  void aModelOfTheShapeOfALargeOne() {
    LanguageModel tiny = TinyModels.untied(folder);
    model =
        new LanguageModel(
            tiny.folder(),
            new DecoderConfig(32_000, 768, 12, 12, 12, 64, 2048, 1e4, 1e-6, 4096, false),
            tiny.weights(),
            tiny.endTokens());
  }

  @Test
  void trainingHoldsTheWeightsFourTimes() {
    Map<String, Long> parts = MemoryPlan.training(model, 1, 1016, 256).parts();
    long weights = 4L * 134_105_856;
    assertThat(parts)
        .containsEntry("weights", weights)
        .containsEntry("gradients", weights)
        .containsEntry("optimizer", 2 * weights);
    assertThat(MemoryPlan.training(model, 2, 1016, 256).parts())
        .containsEntry("gradients", 2 * weights)
        .containsEntry("optimizer", 2 * weights);
  }

  /** Of resident memory, in a process that did this and nothing else. */
  @Test
  void plansAreCloseToWhatWasMeasured() {
    assertMeasured(3_848, MemoryPlan.training(model, 1, 1016, 256));
    assertMeasured(1_715, MemoryPlan.sampling(model, 16, 200, 64));
    assertMeasured(1_913, MemoryPlan.sampling(model, 50, 64, 32));
    assertMeasured(1_023, MemoryPlan.scoring(model, 1, 8, 320, 512));
    assertMeasured(1_451, MemoryPlan.scoring(model, 1, 50, 96, 1600));
  }

  private static void assertMeasured(long megabytes, MemoryPlan plan) {
    assertThat(plan.bytes() / 1e6).isBetween(megabytes / 1.25, megabytes * 1.25);
  }

  @Test
  void theCacheGrowsWithRowsAndTokens() {
    long one = MemoryPlan.sampling(model, 1, 100, 100).parts().get("key-value cache");
    assertThat(MemoryPlan.sampling(model, 10, 100, 300).parts())
        .containsEntry("key-value cache", 20 * one);
  }

  @Test
  void sessionsThatAreOpenTogetherHoldTheirWeightsEach() {
    long one = MemoryPlan.scoring(model, 1, 8, 320, 512).parts().get("weights");
    assertThat(MemoryPlan.scoring(model, 4, 8, 320, 512).parts()).containsEntry("weights", 4 * one);
  }

  @Test
  void modelsOverOneBaseHoldItsWeightsOnceAndEachItsAdapter() {
    AdapterConfig attention = new AdapterConfig(8, 16, 0, new TreeSet<>(List.of("q_proj")));
    AdapterConfig down = new AdapterConfig(4, 4, 0, new TreeSet<>(List.of("down_proj")));
    // Both layers of all 12 blocks have the columns of both adapters.
    long both = 4L * (8 + 4) * 12 * (768 + 768 + 768 + 2048);
    for (int agents : new int[] {1, 3}) {
      List<AdapterConfig> adapters = new ArrayList<>();
      for (int agent = 0; agent < agents; agent++) {
        adapters.addAll(List.of(attention, down));
      }
      for (MemoryPlan plan :
          List.of(
              MemoryPlan.sampling(model, adapters, 16, 200, 64),
              MemoryPlan.scoring(model, 1, adapters, 8, 320, 512))) {
        assertThat(plan.parts())
            .containsEntry("weights", 4L * 134_105_856)
            .containsEntry("adapters", agents * both);
      }
    }
    MemoryPlan alone = MemoryPlan.sampling(model, 16, 200, 64);
    MemoryPlan adapted = MemoryPlan.sampling(model, List.of(attention), 16, 200, 64);
    // What 3200 prompt tokens take of 24 low-rank numbers and one output of 768 each, and a
    // quarter.
    assertThat(adapted.parts().get("activations") - alone.parts().get("activations"))
        .isEqualTo(5L * 16 * 200 * (3 * 8 + 768));
    assertThat(MemoryPlan.sampling(model, List.of(), 16, 200, 64)).isEqualTo(alone);
  }

  @Test
  void anEncoderHoldsItsWeightsTwiceWhileItIsLoaded() {
    EncoderModel encoder =
        EncoderModel.open(Path.of("src/test/resources/polyphony/encoders/t5-gated"));
    Map<String, Long> parts = MemoryPlan.encoding(encoder, 10).parts();
    long weights =
        encoder.weights().tensors().values().stream().mapToLong(each -> each.bytes()).sum();
    assertThat(parts.get("weights")).isPositive().isLessThanOrEqualTo(weights);
    assertThat(parts.get("activations") + parts.get("loading"))
        .isGreaterThanOrEqualTo(parts.get("weights"));
  }

  /** The same, with 98 million parameters: 8 texts of 128 tokens, half of them trained. */
  @Test
  void plansOfAdaptersAndOfRecomputationAreCloseToWhatWasMeasured() {
    LanguageModel smaller =
        new LanguageModel(
            model.folder(),
            new DecoderConfig(8192, 768, 12, 12, 12, 64, 2048, 1e4, 1e-6, 2048, false),
            model.weights(),
            model.endTokens());
    Optional<AdapterConfig> lora =
        Optional.of(new AdapterConfig(8, 16, 0, smaller.config().linearLayers()));
    assertMeasured(3_060, MemoryPlan.training(smaller, Optional.empty(), false, 1, 1024, 512));
    assertMeasured(2_360, MemoryPlan.training(smaller, Optional.empty(), true, 1, 1024, 512));
    assertMeasured(2_060, MemoryPlan.training(smaller, lora, false, 1, 1024, 512));
    assertMeasured(1_200, MemoryPlan.training(smaller, lora, true, 1, 1024, 512));
  }

  @Test
  void gradientsAndMomentsAreThoseOfTheAdapterAlone() {
    AdapterConfig adapter = new AdapterConfig(8, 16, 0.1, new TreeSet<>(List.of("q_proj")));
    Map<String, Long> parts =
        MemoryPlan.training(model, Optional.of(adapter), false, 2, 1016, 256).parts();
    long own = 4L * 12 * 8 * (768 + 768);
    assertThat(parts)
        .containsEntry("weights", 4L * 134_105_856 + own)
        .containsEntry("gradients", 2 * own)
        .containsEntry("optimizer", 2 * own);
    assertThat(parts.get("activations"))
        .isGreaterThan(MemoryPlan.training(model, 2, 1016, 256).parts().get("activations"));
  }

  @Test
  void theProgramCountsOnceWhereModelsAreOpenTogether() {
    MemoryPlan one = MemoryPlan.scoring(model, 1, 8, 320, 512);
    assertThat(MemoryPlan.together(List.of(one, one))).isEqualTo(one.bytes(2));
  }

  @Test
  void whatDoesNotFitIsRefusedWithATableInOneLine() {
    MemoryPlan plan = MemoryPlan.sampling(model, 50, 250, 2048);
    plan.requireFits(plan.bytes());
    assertThatThrownBy(() -> plan.requireFits(8_000_000_000L))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY))
        .message()
        .hasLineCount(1)
        .startsWith("sampling 50 answers of up to 2048 tokens after 250 needs ")
        .contains(" GB of memory: weights 0.54, key-value cache 21.18, activations ")
        .endsWith(
            "; a step may use 8.00 GB: lower sampling.maxNewTokens, run fewer steps at a time"
                + " (POLYPHONY_SLOTS), or use a worker with more memory");
  }
}
