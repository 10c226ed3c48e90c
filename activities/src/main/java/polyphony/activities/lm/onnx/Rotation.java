package polyphony.activities.lm.onnx;

import java.util.Optional;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * Rotary positions in a graph.
 *
 * @param regimes int64 [batch]: each row's regime, where the model's positions have several
 * @param cosine of the stream's type, [regimes * positions, rotated / 2]
 * @param sine the same shape
 */
record Rotation(DecoderConfig config, Optional<Value> regimes, Value cosine, Value sine) {
  /**
   * Rows of the tables: each regime has a block of them.
   *
   * @param positions int64 [batch, columns]
   */
  Value rows(GraphBuilder graph, Value positions) {
    return regimes.map(each -> rowsOfRegime(graph, positions, each)).orElse(positions);
  }

  private Value rowsOfRegime(GraphBuilder graph, Value positions, Value regimes) {
    Value rows = graph.length(cosine, 0);
    Value block = graph.apply("Div", rows, graph.integer(config.rotary().regimes()));
    Value offset = graph.apply("Unsqueeze", graph.apply("Mul", regimes, block), graph.integers(1));
    return graph.apply("Add", positions, offset);
  }

  /** Turns {@code value} [batch, columns, heads * headSize] by {@code rows} of the tables. */
  Value turn(GraphBuilder graph, Value value, Value rows, int heads) {
    GraphBuilder.Operator rotation =
        graph.operator("RotaryEmbedding").with("num_heads", heads).with("interleaved", 0);
    if (config.rotary().size() < config.headSize()) {
      rotation.with("rotary_embedding_dim", config.rotary().size());
    }
    return rotation.of(value, cosine, sine, rows);
  }
}
