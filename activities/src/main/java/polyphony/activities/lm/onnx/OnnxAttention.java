package polyphony.activities.lm.onnx;

import static polyphony.activities.lm.DecoderConfig.WHOLE_TEXT;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
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
  private final Optional<Value> regimes;
  private final Value cosine;
  private final Value sine;

  /**
   * @param padding int64 [batch]: columns on the left of a row that hold no token
   * @param regimes int64 [batch]: each row's regime, where the model's positions have several
   * @param cosine float [regimes * positions, rotated / 2]
   * @param sine the same shape
   */
  OnnxAttention(
      DecoderConfig config, Value padding, Optional<Value> regimes, Value cosine, Value sine) {
    this.config = config;
    this.padding = padding;
    this.regimes = regimes;
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
    Value rows = regimes.map(each -> rowsOfRegime(graph, positions, each)).orElse(positions);
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
      masks.put(window, graph.apply("Where", within, graph.real(0), graph.real(HIDDEN)));
    }
    return (layer, query, key, value, cache) -> {
      Value turnedQuery = rotate(graph, query, rows, config.heads());
      Value turnedKey = rotate(graph, key, rows, config.keyValueHeads());
      Value mask = masks.get(config.attention().windows().get(layer));
      GraphBuilder.Operator attention =
          graph
              .operator("Attention")
              .with("q_num_heads", config.heads())
              .with("kv_num_heads", config.keyValueHeads())
              .with("scale", (float) config.attention().scale());
      if (!Double.isInfinite(config.attention().cap())) {
        attention.with("softcap", (float) config.attention().cap());
      }
      if (cache.isEmpty()) {
        return new Attended(attention.of(turnedQuery, turnedKey, value, mask), Optional.empty());
      }
      List<Value> outputs =
          attention.outputs(
              3, turnedQuery, turnedKey, value, mask, cache.get().key(), cache.get().value());
      return new Attended(outputs.get(0), Optional.of(new Cache(outputs.get(1), outputs.get(2))));
    };
  }

  /** Rows of the rotary tables: each regime has a block of them. */
  private Value rowsOfRegime(GraphBuilder graph, Value positions, Value regimes) {
    Value rows = graph.length(cosine, 0);
    Value block = graph.apply("Div", rows, graph.integer(config.rotary().regimes()));
    Value offset = graph.apply("Unsqueeze", graph.apply("Mul", regimes, block), graph.integers(1));
    return graph.apply("Add", positions, offset);
  }

  private static Value windowed(
      GraphBuilder graph, Value seen, Value keys, Value queries, int window) {
    Value before = graph.apply("Sub", queries, graph.integer(window));
    return graph.apply("And", seen, graph.apply("Greater", keys, before));
  }

  private Value rotate(GraphBuilder graph, Value value, Value rows, int heads) {
    GraphBuilder.Operator rotation =
        graph.operator("RotaryEmbedding").with("num_heads", heads).with("interleaved", 0);
    if (config.rotary().size() < config.headSize()) {
      rotation.with("rotary_embedding_dim", config.rotary().size());
    }
    return rotation.of(value, cosine, sine, rows);
  }
}
