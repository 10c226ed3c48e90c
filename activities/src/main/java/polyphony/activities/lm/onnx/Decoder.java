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
  private final Optional<Value> adapters;

  /**
   * @param root the outermost graph; the weights are declared there
   * @param type of the weights and of what is reckoned with them
   */
  Decoder(
      GraphBuilder root,
      DecoderConfig config,
      Weights weights,
      ElementType type,
      AdapterStack adapters,
      AttentionForm attention) {
    this.config = config;
    this.type = type;
    this.attention = attention;
    for (String name : config.weightShapes().keySet()) {
      this.weights.put(name, root.weight(weights.tensor(name), type));
    }
    String rank = Integer.toString(adapters.rank());
    adapters
        .layers()
        .forEach(
            (layer, shape) -> {
              String a = AdapterStack.nameOfA(layer);
              String b = AdapterStack.nameOfB(layer);
              String width = Long.toString(shape[1]);
              String outputs = Long.toString(shape[0]);
              this.weights.put(a, adapter(root, a, rank, width));
              this.weights.put(b, adapter(root, b, outputs, rank));
            });
    this.adapters =
        adapters.isEmpty()
            ? Optional.empty()
            : Optional.of(adapter(root, "adapters", "batch", rank));
  }

  /** An input of 32-bit floats, as numbers of the stream's type. */
  private Value adapter(GraphBuilder root, String name, String... dimensions) {
    Value given = root.input(name, FLOAT, dimensions);
    return type == FLOAT ? given : root.cast(given, type);
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
    Optional<Value> mask = adapters.map(rows -> mask(graph, ids, rows));
    List<Cache> caches = new ArrayList<>();
    Value stream = graph.apply("Gather", weight("model.embed_tokens.weight"), ids);
    if (config.embeddingScale() != 1) {
      stream = graph.apply("Mul", stream, graph.real((float) config.embeddingScale(), type));
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      String block = DecoderConfig.blockPrefix(layer);
      Value normed = norm(graph, stream, block + "input_layernorm.weight");
      List<Value> projected = queryKeyValue(graph, normed, block + "self_attn.", mask);
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
        mask = mask.map(each -> select.apply(pass, each));
      }
      Value output = linear(graph, mixed, block + "self_attn.o_proj", mask);
      if (config.block().outerNorms()) {
        output = norm(graph, output, block + "post_attention_layernorm.weight");
      }
      stream = graph.apply("Add", stream, output);
      stream = graph.apply("Add", stream, feedForward(graph, stream, block, mask));
    }
    return new Forward(norm(graph, stream, "model.norm.weight"), caches);
  }

  /** {@code rows} [batch, rank] for every column of {@code ids}: [batch, columns, rank]. */
  private static Value mask(GraphBuilder graph, Value ids, Value rows) {
    Value shape =
        graph.operator("Concat").with("axis", 0).of(graph.apply("Shape", ids), graph.integers(1));
    return graph.apply("Expand", graph.apply("Unsqueeze", rows, graph.integers(1)), shape);
  }

  private List<Value> queryKeyValue(
      GraphBuilder graph, Value normed, String prefix, Optional<Value> mask) {
    if (config.block().packed()) {
      long queries = (long) config.heads() * config.headSize();
      long keys = (long) config.keyValueHeads() * config.headSize();
      return split(graph, linear(graph, normed, prefix + "qkv_proj", mask), queries, keys, keys);
    }
    return List.of(
        linear(graph, normed, prefix + "q_proj", mask),
        linear(graph, normed, prefix + "k_proj", mask),
        linear(graph, normed, prefix + "v_proj", mask));
  }

  private Value feedForward(GraphBuilder graph, Value stream, String block, Optional<Value> mask) {
    Value normed = norm(graph, stream, block + config.feedForwardNorm());
    List<Value> gateAndUp =
        config.block().packed()
            ? split(
                graph,
                linear(graph, normed, block + "mlp.gate_up_proj", mask),
                config.intermediateSize(),
                config.intermediateSize())
            : List.of(
                linear(graph, normed, block + "mlp.gate_proj", mask),
                linear(graph, normed, block + "mlp.up_proj", mask));
    Value gate = gateAndUp.get(0);
    Value activated =
        switch (config.block().activation()) {
          case SILU -> graph.apply("Mul", gate, graph.apply("Sigmoid", gate));
          case GELU_TANH -> graph.operator("Gelu").with("approximate", "tanh").of(gate);
        };
    Value output =
        linear(
            graph, graph.apply("Mul", activated, gateAndUp.get(1)), block + "mlp.down_proj", mask);
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

  /**
   * A linear layer, with what the adapters add.
   *
   * @param mask what a position keeps of the stacked rank; {@code [..., rank]} as {@code value} is
   *     {@code [..., in]}
   */
  private Value linear(GraphBuilder graph, Value value, String name, Optional<Value> mask) {
    Value product = product(graph, value, name + ".weight");
    String a = AdapterStack.nameOfA(name);
    if (weights.containsKey(a)) {
      Value own = graph.apply("Mul", product(graph, value, a), mask.orElseThrow());
      product = graph.apply("Add", product, product(graph, own, AdapterStack.nameOfB(name)));
    }
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
