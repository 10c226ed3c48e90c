package polyphony.activities.lm.onnx;

import java.util.Optional;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * Rotary positions in a graph.
 *
 * @param firstRows int64 [batch]: where in the tables each row's regime begins, where the model's
 *     positions have several
 * @param cosine of the stream's type, [regimes * positions, rotated / 2]
 * @param sine the same shape
 */
record Rotation(DecoderConfig config, Optional<Value> firstRows, Value cosine, Value sine) {
  /**
   * Rows of the tables.
   *
   * @param positions int64 [batch, columns]
   */
  Value rows(GraphBuilder graph, Value positions) {
    return firstRows
        .map(first -> graph.apply("Unsqueeze", first, graph.integers(1)))
        .map(first -> graph.apply("Add", positions, first))
        .orElse(positions);
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
