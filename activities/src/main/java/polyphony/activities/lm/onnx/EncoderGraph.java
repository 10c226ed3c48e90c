package polyphony.activities.lm.onnx;

import ai.onnx.proto.OnnxMl.ModelProto;
import polyphony.activities.lm.EncoderConfig;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * A T5 encoder as a graph, in 32-bit floats. Weights keep their Hugging Face names and their {@code
 * [out, in]} layout.
 */
final class EncoderGraph {
  /** Added to the score of a column that may not be seen; its exponential is 0. */
  private static final float HIDDEN = -1e30f;

  private final GraphBuilder graph = new GraphBuilder("encoding");
  private final EncoderModel model;
  private final EncoderConfig config;

  private EncoderGraph(EncoderModel model) {
    this.model = model;
    this.config = model.config();
  }

  /**
   * Inputs: {@code texts} int64 [batch, columns], left-padded; {@code padding} int64 [batch];
   * {@code buckets} int64 [columns, columns], the bucket of each key (second) as seen from each
   * query.
   *
   * <p>Output: {@code hidden} float [batch, columns, hiddenSize], after the final norm; what stands
   * in padding is to be ignored.
   *
   * @throws polyphony.storage.PolyphonyException DATA where a weight cannot be used
   */
  static ModelProto of(EncoderModel model) {
    return new EncoderGraph(model).emit();
  }

  private ModelProto emit() {
    Value texts = graph.input("texts", ElementType.INT64, "batch", "columns");
    Value padding = graph.input("padding", ElementType.INT64, "batch");
    Value buckets = graph.input("buckets", ElementType.INT64, "columns", "columns");
    Value bias = bias(texts, padding, buckets);

    Value stream = graph.apply("Gather", weight(weightName("shared")), texts);
    for (int layer = 0; layer < config.layers(); layer++) {
      String block = "encoder.block." + layer + ".layer.";
      stream = graph.apply("Add", stream, attention(stream, bias, block + "0."));
      stream = graph.apply("Add", stream, feedForward(stream, block + "1."));
    }
    graph.output(
        "hidden",
        norm(stream, "encoder.final_layer_norm"),
        ElementType.FLOAT,
        "batch",
        "columns",
        Integer.toString(config.hiddenSize()));
    return graph.model();
  }

  /** What is added to the scores of every block: [batch, heads, columns, columns]. */
  private Value bias(Value texts, Value padding, Value buckets) {
    Value learned =
        weight(weightName("encoder.block.0.layer.0.SelfAttention.relative_attention_bias"));
    Value byPosition =
        graph
            .operator("Transpose")
            .with("perm", 2, 0, 1)
            .of(graph.apply("Gather", learned, buckets)); // [heads, columns, columns]
    Value keys = graph.apply("Range", graph.integer(0), graph.length(texts, 1), graph.integer(1));
    Value start = graph.apply("Unsqueeze", padding, graph.integers(1, 2, 3));
    Value seen = graph.apply("GreaterOrEqual", keys, start); // [batch, 1, 1, columns]
    Value mask = graph.apply("Where", seen, graph.real(0), graph.real(HIDDEN));
    return graph.apply("Add", mask, byPosition);
  }

  private Value attention(Value stream, Value bias, String layer) {
    Value normed = norm(stream, layer + "layer_norm");
    String attention = layer + "SelfAttention.";
    Value mixed =
        graph
            .operator("Attention")
            .with("q_num_heads", config.heads())
            .with("kv_num_heads", config.heads())
            .with("scale", 1f)
            .of(
                linear(normed, attention + "q"),
                linear(normed, attention + "k"),
                linear(normed, attention + "v"),
                bias);
    return linear(mixed, attention + "o");
  }

  private Value feedForward(Value stream, String layer) {
    Value normed = norm(stream, layer + "layer_norm");
    String dense = layer + "DenseReluDense.";
    Value inner =
        config.gated()
            ? graph.apply(
                "Mul", gelu(linear(normed, dense + "wi_0")), linear(normed, dense + "wi_1"))
            : graph.apply("Relu", linear(normed, dense + "wi"));
    return linear(inner, dense + "wo");
  }

  /** x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))): the tanh form of arXiv 1606.08415. */
  private Value gelu(Value x) {
    Value cube = graph.apply("Mul", x, graph.apply("Mul", x, x));
    Value sum = graph.apply("Add", x, graph.apply("Mul", cube, graph.real(0.044715f)));
    Value scaled = graph.apply("Mul", sum, graph.real((float) Math.sqrt(2 / Math.PI)));
    Value share = graph.apply("Add", graph.apply("Tanh", scaled), graph.real(1));
    return graph.apply("Mul", graph.apply("Mul", x, graph.real(0.5f)), share);
  }

  private Value norm(Value value, String name) {
    return graph
        .operator("RMSNormalization")
        .with("axis", -1)
        .with("epsilon", (float) config.normEpsilon())
        .of(value, weight(weightName(name)));
  }

  private Value linear(Value value, String name) {
    return graph
        .operator("FusedMatMul")
        .in(GraphBuilder.CONTRIB)
        .with("transB", 1)
        .of(value, weight(weightName(name)));
  }

  private static String weightName(String module) {
    return module + ".weight";
  }

  private Value weight(String name) {
    return graph.weight(model.tensor(name), ElementType.FLOAT);
  }
}
