package polyphony.activities.lm.onnx;

import java.util.Optional;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * How rotary positions, the mask and attention itself are written into a graph. Everything else of
 * the decoder is the same in every form.
 */
interface AttentionForm {
  /**
   * The keys and values of one layer so far.
   *
   * @param key float {@code [batch, keyValueHeads, total, headSize]}, positions already applied
   * @param value the same shape
   */
  record Cache(Value key, Value value) {}

  /**
   * @param output {@code [batch, columns, heads * headSize]}
   * @param present the cache with the new columns appended; empty where no past was given
   */
  record Attended(Value output, Optional<Cache> present) {}

  /** One forward pass; what all layers share is computed once, before the first of them. */
  interface Pass {
    /** {@code query}, {@code key}, {@code value}: {@code [batch, columns, heads * headSize]}. */
    Attended attend(int layer, Value query, Value key, Value value, Optional<Cache> past);

    /** What {@code value} [batch, columns, width] has at each row's last token: [batch, width]. */
    Value last(Value value);
  }

  /**
   * Begins a forward pass of {@code ids} [batch, columns] in {@code graph}.
   *
   * @param past any layer's cache, for its length; empty in a pass without cache
   */
  Pass begin(GraphBuilder graph, Value ids, Optional<Cache> past);
}
