package polyphony.activities.lm.onnx;

import static polyphony.activities.lm.onnx.GraphBuilder.ElementType.FLOAT;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.Weights;
import polyphony.activities.lm.onnx.AttentionForm.Attended;
import polyphony.activities.lm.onnx.AttentionForm.Cache;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * The transformer, block by block, as graph nodes: norms, rotary grouped-query attention, gated
 * feed-forward layer. Weights keep their Hugging Face names and their {@code [out, in]} layout.
 */
final class Decoder {
  /**
   * @param hidden after the final norm, at the selected positions, of the stream's type
   * @param caches of each layer, with the new columns; empty in a pass without cache
   */
  record Forward(Value hidden, List<Cache> caches) {}

  private final DecoderConfig config;
  private final ElementType type;
  private final AttentionForm attention;
  private final Map<String, Value> weights = new LinkedHashMap<>();

  /**
   * @param root the outermost graph; the weights are declared there
   * @param type of the weights and of what is reckoned with them
   */
  Decoder(
      GraphBuilder root,
      DecoderConfig config,
      Weights weights,
      ElementType type,
      AttentionForm attention) {
    this.config = config;
    this.type = type;
    this.attention = attention;
    for (String name : config.weightShapes().keySet()) {
      this.weights.put(name, root.weight(weights.tensor(name), type));
    }
  }

  /**
   * One forward pass.
   *
   * @param ids int64 [batch, columns]
   * @param past one cache per layer, or none at all
   * @param select picks the wanted positions of a {@code [batch, columns, width]} tensor; applied
   *     before the last block's feed-forward layer, so that the rest is computed there alone
   */
  Forward forward(
      GraphBuilder graph,
      Value ids,
      List<Cache> past,
      BiFunction<AttentionForm.Pass, Value, Value> select) {
    AttentionForm.Pass pass = attention.begin(graph, ids, past.stream().findFirst());
    List<Cache> caches = new ArrayList<>();
    Value stream = graph.apply("Gather", weight("model.embed_tokens.weight"), ids);
    if (config.embeddingScale() != 1) {
      stream = graph.apply("Mul", stream, graph.real((float) config.embeddingScale(), type));
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      String block = DecoderConfig.blockPrefix(layer);
      Value normed = norm(graph, stream, block + "input_layernorm.weight");
      List<Value> projected = queryKeyValue(graph, normed, block + "self_attn.");
      Attended attended =
          pass.attend(
              layer,
              projected.get(0),
              projected.get(1),
              projected.get(2),
              past.isEmpty() ? Optional.empty() : Optional.of(past.get(layer)));
      attended.present().ifPresent(caches::add);
      Value mixed = attended.output();
      if (layer == config.layers() - 1) {
        mixed = select.apply(pass, mixed);
        stream = select.apply(pass, stream);
      }
      Value output = linear(graph, mixed, block + "self_attn.o_proj");
      if (config.block().outerNorms()) {
        output = norm(graph, output, block + "post_attention_layernorm.weight");
      }
      stream = graph.apply("Add", stream, output);
      stream = graph.apply("Add", stream, feedForward(graph, stream, block));
    }
    return new Forward(norm(graph, stream, "model.norm.weight"), caches);
  }

  private List<Value> queryKeyValue(GraphBuilder graph, Value normed, String prefix) {
    if (config.block().packed()) {
      long queries = (long) config.heads() * config.headSize();
      long keys = (long) config.keyValueHeads() * config.headSize();
      return split(graph, linear(graph, normed, prefix + "qkv_proj"), queries, keys, keys);
    }
    return List.of(
        linear(graph, normed, prefix + "q_proj"),
        linear(graph, normed, prefix + "k_proj"),
        linear(graph, normed, prefix + "v_proj"));
  }

  private Value feedForward(GraphBuilder graph, Value stream, String block) {
    Value normed = norm(graph, stream, block + config.feedForwardNorm());
    List<Value> gateAndUp =
        config.block().packed()
            ? split(
                graph,
                linear(graph, normed, block + "mlp.gate_up_proj"),
                config.intermediateSize(),
                config.intermediateSize())
            : List.of(
                linear(graph, normed, block + "mlp.gate_proj"),
                linear(graph, normed, block + "mlp.up_proj"));
    Value gate = gateAndUp.get(0);
    Value activated =
        switch (config.block().activation()) {
          case SILU -> graph.apply("Mul", gate, graph.apply("Sigmoid", gate));
          case GELU_TANH -> graph.operator("Gelu").with("approximate", "tanh").of(gate);
        };
    Value output =
        linear(graph, graph.apply("Mul", activated, gateAndUp.get(1)), block + "mlp.down_proj");
    return config.block().outerNorms()
        ? norm(graph, output, block + "post_feedforward_layernorm.weight")
        : output;
  }

  /** The output layer. {@code hidden} [rows, hiddenSize] gives float [rows, vocabularySize]. */
  Value logits(GraphBuilder graph, Value hidden) {
    Value logits = converted(graph, product(graph, hidden, config.outputWeight()), FLOAT);
    return Double.isInfinite(config.logitCap())
        ? logits
        : capped(graph, logits, (float) config.logitCap());
  }

  private static Value capped(GraphBuilder graph, Value value, float cap) {
    Value share = graph.apply("Tanh", graph.apply("Div", value, graph.real(cap)));
    return graph.apply("Mul", share, graph.real(cap));
  }

  /** The operator reckons with 32 bits whatever it is given. */
  private Value norm(GraphBuilder graph, Value value, String name) {
    GraphBuilder.Operator operator =
        graph
            .operator("RMSNormalization")
            .with("axis", -1)
            .with("epsilon", (float) config.normEpsilon());
    if (config.block().normOffset() == 0) {
      return operator.of(value, weight(name));
    }
    // Few bits would lose a small weight beside the offset.
    Value offset = graph.real((float) config.block().normOffset());
    Value weight = graph.apply("Add", converted(graph, weight(name), FLOAT), offset);
    Value normed = operator.of(converted(graph, value, FLOAT), weight);
    return type == FLOAT ? normed : graph.cast(normed, type);
  }

  /** {@code value}, of the stream's type, as one of {@code wanted} type. */
  private Value converted(GraphBuilder graph, Value value, ElementType wanted) {
    return type == wanted ? value : graph.cast(value, wanted);
  }

  /** Along the last axis, into parts of these widths. */
  private static List<Value> split(GraphBuilder graph, Value value, long... widths) {
    return graph
        .operator("Split")
        .with("axis", -1)
        .outputs(widths.length, value, graph.integers(widths));
  }

  private Value linear(GraphBuilder graph, Value value, String name) {
    Value product = product(graph, value, name + ".weight");
    Value bias = weights.get(name + ".bias");
    return bias == null ? product : graph.apply("Add", product, bias);
  }

  private Value product(GraphBuilder graph, Value value, String name) {
    return graph
        .operator("FusedMatMul")
        .in(GraphBuilder.CONTRIB)
        .with("transB", 1)
        .of(value, weight(name));
  }

  private Value weight(String name) {
    return weights.get(name);
  }
}
