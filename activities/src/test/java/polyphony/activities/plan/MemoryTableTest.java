package polyphony.activities.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.junit.jupiter.api.Test;
import polyphony.activities.lm.DecoderConfig;

/** The shape of Llama 3.1 with 8 billion parameters, reckoned here from its numbers alone. */
class MemoryTableTest {
  private static final long HIDDEN = 4096;
  private static final long KEYS = 8 * 128;
  private static final long INNER = 14_336;
  private static final long WORDS = 128_256;
  private static final long LAYERS = 32;
  private static final long TOKENS = 2048;

  private static final long BLOCK =
      2 * HIDDEN * HIDDEN + 2 * HIDDEN * KEYS + 3 * HIDDEN * INNER + 2 * HIDDEN;
  private static final long PARAMETERS = 2 * WORDS * HIDDEN + LAYERS * BLOCK + HIDDEN;
  private static final long ADAPTER =
      LAYERS * 16 * (2 * (HIDDEN + HIDDEN) + 2 * (HIDDEN + KEYS) + 3 * (HIDDEN + INNER));

  private final MemoryTable table =
      MemoryTable.of(
          new DecoderConfig(128_256, 4096, 32, 32, 8, 128, 14_336, 5e5, 1e-5, 131_072, false),
          2048,
          16);

  @Test
  void theShapeHasEightBillionParameters() {
    assertThat(PARAMETERS).isEqualTo(8_030_261_248L);
    assertThat(ADAPTER).isEqualTo(41_943_040L);
    assertThat(table.parameters()).isEqualTo(PARAMETERS);
  }

  @Test
  void fullFinetuningHasThirtyTwoBitMastersGradientsAndMoments() {
    Map<String, Long> parts = parts("training, full");
    bytes(parts, "weights", 4.0 * PARAMETERS);
    bytes(parts, "gradients", 4.0 * PARAMETERS);
    bytes(parts, "optimizer", 8.0 * PARAMETERS);
    // Copies of all that is multiplied with, which is all but the embedding.
    bytes(parts, "16-bit copies", 1.1 * 2 * (PARAMETERS - WORDS * HIDDEN));
    bytes(parts, "activations", 1.1 * 2 * TOKENS * LAYERS * keptByABlock());
    // Logits, their logarithms and their gradient.
    bytes(parts, "logits", 1.1 * 3 * 4 * TOKENS * WORDS);
    bytes(parts, "working memory", 4.0 * WORDS * HIDDEN);
    assertThat(row("training, full").plan().bytes() / 1e9).isCloseTo(167.4, within(0.1));
  }

  @Test
  void whereActivationsAreRecomputedThoseOfFourBlocksAreThere() {
    Map<String, Long> parts = parts("training, full, recomputing");
    bytes(parts, "activations", 1.1 * 2 * TOKENS * (LAYERS * HIDDEN + 4 * keptByABlock()));
    bytes(parts, "16-bit copies", 1.1 * 2 * (BLOCK + WORDS * HIDDEN));
    assertThat(row("training, full, recomputing").plan().bytes() / 1e9)
        .isCloseTo(139.3, within(0.1));
  }

  @Test
  void anAdapterTrainsOverAFrozenBaseInSixteenBits() {
    Map<String, Long> parts = parts("training, LoRA of rank 16");
    bytes(parts, "weights", 2.0 * PARAMETERS + 4.0 * ADAPTER);
    bytes(parts, "gradients", 4.0 * ADAPTER);
    bytes(parts, "optimizer", 8.0 * ADAPTER);
    bytes(parts, "activations", 1.1 * 2 * TOKENS * LAYERS * keptByABlock());
    assertThat(parts).doesNotContainKey("16-bit copies");
    assertThat(row("training, LoRA of rank 16").plan().bytes() / 1e9).isCloseTo(37.1, within(0.1));
    assertThat(row("training, LoRA of rank 16, recomputing").plan().bytes() / 1e9)
        .isCloseTo(23.8, within(0.1));
  }

  @Test
  void theCacheGrowsWithTheBatchAndIsThereTwice() {
    for (int batch : new int[] {1, 16, 64, 256}) {
      Map<String, Long> parts = parts("sampling, batch " + batch);
      bytes(parts, "weights", 2.0 * PARAMETERS);
      // Keys and values of 2 048 tokens and 256 new ones.
      bytes(parts, "key-value cache", 1.25 * 2 * batch * 2304 * 2 * LAYERS * KEYS * 2);
      bytes(
          parts,
          "activations",
          1.25 * 2 * batch * TOKENS * (3 * HIDDEN + 3 * HIDDEN + 4 * KEYS + 3 * INNER));
      bytes(parts, "logits", 1.25 * 12 * 4 * batch * WORDS);
    }
  }

  @Test
  void whatFitsIsWhatAWorkerWouldRun() {
    assertThat(row("training, full").cards()).isEmpty();
    assertThat(row("training, full, recomputing").cards()).containsExactly(141);
    assertThat(row("training, LoRA of rank 16").cards()).containsExactly(48, 80, 141);
    assertThat(row("training, LoRA of rank 16, recomputing").cards())
        .containsExactly(24, 48, 80, 141);
    assertThat(row("sampling, batch 1").cards()).containsExactly(24, 48, 80, 141);
    assertThat(row("sampling, batch 16").cards()).containsExactly(48, 80, 141);
    assertThat(row("sampling, batch 64").cards()).containsExactly(141);
    assertThat(row("sampling, batch 256").cards()).isEmpty();
    MemoryTable.Row row = row("sampling, batch 64");
    row.plan().requireFits(141_000_000_000L);
    assertThat(row.plan().fits(80_000_000_000L)).isFalse();
  }

  /**
   * Of each token: three of both norms (what they read, normed, and scaled), queries before and
   * after their rotation and attention's output in two layouts, keys before and after and values,
   * keys and values repeated for all heads, and four of the feed-forward layer.
   */
  private static double keptByABlock() {
    return 6 * HIDDEN + 4 * HIDDEN + 3 * KEYS + 2 * HIDDEN + 4 * INNER;
  }

  private static void bytes(Map<String, Long> parts, String part, double expected) {
    assertThat((double) parts.get(part)).as(part).isCloseTo(expected, within(2.0));
  }

  private Map<String, Long> parts(String work) {
    return row(work).plan().parts();
  }

  private MemoryTable.Row row(String work) {
    return table.rows().stream().filter(each -> each.work().equals(work)).findFirst().orElseThrow();
  }
}
