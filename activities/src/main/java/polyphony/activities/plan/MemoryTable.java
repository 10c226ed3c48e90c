package polyphony.activities.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.MemoryPlan;

/**
 * What work with a model takes of a GPU's memory, in 16-bit arithmetic: the very plans by which a
 * worker decides whether it runs.
 *
 * @param parameters of the model
 * @param rows a piece of work each
 */
public record MemoryTable(long parameters, List<Row> rows) {
  /** Memory of usual cards, in 10^9 bytes. */
  public static final List<Integer> CARDS = List.of(24, 48, 80, 141);

  private static final List<Integer> BATCHES = List.of(1, 16, 64, 256);
  private static final Arithmetic GPU = Arithmetic.CUDA_BFLOAT16;

  /**
   * @param plan what it takes, by part
   * @param cards of {@link #CARDS}, those that are large enough
   */
  public record Row(String work, MemoryPlan plan, List<Integer> cards) {
    static Row of(String work, MemoryPlan plan) {
      return new Row(
          work, plan, CARDS.stream().filter(card -> plan.fits(card * 1_000_000_000L)).toList());
    }
  }

  /**
   * @param tokens of a micro-batch, all of them trained on; of a prompt that is continued
   * @param rank of an adapter of every linear layer
   */
  public static MemoryTable of(DecoderConfig config, int tokens, int rank) {
    List<Row> rows = new ArrayList<>();
    AdapterConfig everywhere = new AdapterConfig(rank, rank, 0, config.linearLayers());
    for (Optional<AdapterConfig> adapter :
        List.of(Optional.<AdapterConfig>empty(), Optional.of(everywhere))) {
      for (boolean recompute : new boolean[] {false, true}) {
        rows.add(
            Row.of(
                "training, "
                    + (adapter.isEmpty() ? "full" : "LoRA of rank " + rank)
                    + (recompute ? ", recomputing" : ""),
                MemoryPlan.training(GPU, config, adapter, recompute, 1, tokens, tokens)));
      }
    }
    for (int batch : BATCHES) {
      rows.add(
          Row.of(
              "sampling, batch " + batch,
              MemoryPlan.sampling(GPU, config, batch, tokens, MemoryPlan.STEPS_PER_RUN)));
    }
    return new MemoryTable(config.parameters(), rows);
  }
}
