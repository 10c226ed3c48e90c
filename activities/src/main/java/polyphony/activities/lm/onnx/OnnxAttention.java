package polyphony.activities.lm.onnx;

import static polyphony.activities.lm.DecoderConfig.WHOLE_TEXT;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * Attention by the standard operators of opset 23 over left-padded rows: a row's tokens end in the
 * last column, so that all rows of a growing cache append in the same column.
 */
final class OnnxAttention implements AttentionForm {
  /**
   * Added to the score of a column that may not be seen. Finite, because the CPU kernel's softmax
   * wants finite input; its exponential is 0.
   */
  private static final float HIDDEN = -1e30f;

  private final DecoderConfig config;
  private final ElementType type;
  private final Value padding;
  private final Rotation rotation;

  /**
   * @param type of queries, keys and values
   * @param padding int64 [batch]: columns on the left of a row that hold no token
   */
  OnnxAttention(DecoderConfig config, ElementType type, Value padding, Rotation rotation) {
    this.config = config;
    this.type = type;
    this.padding = padding;
    this.rotation = rotation;
  }

  @Override
  public Pass begin(GraphBuilder graph, Value ids, Optional<Cache> past) {
    Value columns = graph.length(ids, 1);
    Value first = past.map(cache -> graph.length(cache.key(), 2)).orElseGet(() -> graph.integer(0));
    Value total = graph.apply("Add", first, columns);
    Value queries = graph.apply("Range", first, total, graph.integer(1)); // [columns]
    Value keys = graph.apply("Range", graph.integer(0), total, graph.integer(1)); // [total]
    Value start = graph.apply("Unsqueeze", padding, graph.integers(1)); // [batch, 1]

    // Padding columns are given position 0 and see themselves alone, so that nothing is undefined.
    Value positions =
        graph.apply(
            "Max", graph.apply("Sub", queries, start), graph.integer(0)); // [batch, columns]
    Value rows = rotation.rows(graph, positions);
    Value seenFrom =
        graph.apply(
            "Unsqueeze",
            graph.apply("Min", queries, start),
            graph.integers(1, 3)); // [batch, 1, columns, 1]
    Value seenTo = graph.apply("Unsqueeze", queries, graph.integers(1)); // [columns, 1]
    Value seen =
        graph.apply(
            "And",
            graph.apply("GreaterOrEqual", keys, seenFrom),
            graph.apply("LessOrEqual", keys, seenTo)); // [batch, 1, columns, total]
    Map<Integer, Value> masks = new LinkedHashMap<>();
    for (int window : new LinkedHashSet<>(config.attention().windows())) {
      Value within = window == WHOLE_TEXT ? seen : windowed(graph, seen, keys, seenTo, window);
      masks.put(
          window, graph.apply("Where", within, graph.real(0, type), graph.real(hidden(), type)));
    }
    return new Pass() {
      @Override
      public Attended attend(
          int layer, Value query, Value key, Value value, Optional<Cache> cache) {
        Value turnedQuery = rotation.turn(graph, query, rows, config.heads());
        Value turnedKey = rotation.turn(graph, key, rows, config.keyValueHeads());
        Value mask = masks.get(config.attention().windows().get(layer));
        GraphBuilder.Operator attention =
            graph
                .operator("Attention")
                .with("q_num_heads", config.heads())
                .with("kv_num_heads", config.keyValueHeads())
                .with("scale", (float) config.attention().scale());
        if (!Double.isInfinite(config.attention().cap())) {
          // The CPU kernel caps before it masks, as it should; opset 23's own text has it reversed.
          attention.with("softcap", (float) config.attention().cap());
        }
        if (cache.isEmpty()) {
          return new Attended(attention.of(turnedQuery, turnedKey, value, mask), Optional.empty());
        }
        List<Value> outputs =
            attention.outputs(
                3, turnedQuery, turnedKey, value, mask, cache.get().key(), cache.get().value());
        return new Attended(outputs.get(0), Optional.of(new Cache(outputs.get(1), outputs.get(2))));
      }

      @Override
      public Value last(Value value) {
        return graph.operator("Gather").with("axis", 1).of(value, graph.integer(-1));
      }
    };
  }

  /** As far as the type's numbers go. */
  private float hidden() {
    return type == ElementType.FLOAT16 ? -65504 : HIDDEN;
  }

  private static Value windowed(
      GraphBuilder graph, Value seen, Value keys, Value queries, int window) {
    Value before = graph.apply("Sub", queries, graph.integer(window));
    return graph.apply("And", seen, graph.apply("Greater", keys, before));
  }
}
