package polyphony.activities.lm.onnx;

import java.util.List;
import java.util.Optional;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * Attention by the standard operators of opset 23, in 32-bit floats, over left-padded rows: a row's
 * tokens end in the last column, so that all rows of a growing cache append in the same column.
 */
final class OnnxAttention implements AttentionForm {
  /**
   * Added to the score of a column that may not be seen. Finite, because the CPU kernel's softmax
   * wants finite input; its exponential is 0.
   */
  private static final float HIDDEN = -1e30f;

  private final DecoderConfig config;
  private final Value padding;
  private final Value cosine;
  private final Value sine;

  /**
   * @param padding int64 [batch]: columns on the left of a row that hold no token
   * @param cosine float [positions, headSize / 2]
   * @param sine the same shape
   */
  OnnxAttention(DecoderConfig config, Value padding, Value cosine, Value sine) {
    this.config = config;
    this.padding = padding;
    this.cosine = cosine;
    this.sine = sine;
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
            graph.apply("LessOrEqual", keys, seenTo));
    Value mask =
        graph.apply("Where", seen, graph.real(0), graph.real(HIDDEN)); // [batch, 1, columns, total]
    return (query, key, value, cache) -> {
      Value turnedQuery = rotate(graph, query, positions, config.heads());
      Value turnedKey = rotate(graph, key, positions, config.keyValueHeads());
      GraphBuilder.Operator attention =
          graph
              .operator("Attention")
              .with("q_num_heads", config.heads())
              .with("kv_num_heads", config.keyValueHeads())
              .with("scale", (float) (1 / Math.sqrt(config.headSize())));
      if (cache.isEmpty()) {
        return new Attended(attention.of(turnedQuery, turnedKey, value, mask), Optional.empty());
      }
      List<Value> outputs =
          attention.outputs(
              3, turnedQuery, turnedKey, value, mask, cache.get().key(), cache.get().value());
      return new Attended(outputs.get(0), Optional.of(new Cache(outputs.get(1), outputs.get(2))));
    };
  }

  private Value rotate(GraphBuilder graph, Value value, Value positions, int heads) {
    return graph
        .operator("RotaryEmbedding")
        .with("num_heads", heads)
        .with("interleaved", 0)
        .of(value, cosine, sine, positions);
  }
}
