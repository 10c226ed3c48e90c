package polyphony.activities.lm.onnx;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.Weights;
import polyphony.activities.lm.onnx.AttentionForm.Attended;
import polyphony.activities.lm.onnx.AttentionForm.Cache;
import polyphony.activities.lm.onnx.GraphBuilder.Value;

/**
 * The transformer, block by block, as graph nodes: pre-norm, rotary grouped-query attention,
 * SwiGLU. Weights keep their Hugging Face names and their {@code [out, in]} layout.
 */
final class Decoder {
  /**
   * @param hidden after the final norm, at the selected positions
   * @param caches of each layer, with the new columns; empty in a pass without cache
   */
  record Forward(Value hidden, List<Cache> caches) {}

  private final DecoderConfig config;
  private final AttentionForm attention;
  private final Map<String, Value> weights = new LinkedHashMap<>();

  /** {@code root} is the outermost graph; the weights are declared there. */
  Decoder(GraphBuilder root, DecoderConfig config, Weights weights, AttentionForm attention) {
    this.config = config;
    this.attention = attention;
    for (String name : config.weightShapes().keySet()) {
      this.weights.put(name, root.weight(weights.tensor(name)));
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
  Forward forward(GraphBuilder graph, Value ids, List<Cache> past, UnaryOperator<Value> select) {
    AttentionForm.Pass pass = attention.begin(graph, ids, past.stream().findFirst());
    List<Cache> caches = new ArrayList<>();
    Value stream = graph.apply("Gather", weight("model.embed_tokens.weight"), ids);
    for (int layer = 0; layer < config.layers(); layer++) {
      String block = "model.layers." + layer + ".";
      Value normed = norm(graph, stream, block + "input_layernorm.weight");
      Attended attended =
          pass.attend(
              linear(graph, normed, block + "self_attn.q_proj.weight"),
              linear(graph, normed, block + "self_attn.k_proj.weight"),
              linear(graph, normed, block + "self_attn.v_proj.weight"),
              past.isEmpty() ? Optional.empty() : Optional.of(past.get(layer)));
      attended.present().ifPresent(caches::add);
      Value mixed = attended.output();
      if (layer == config.layers() - 1) {
        mixed = select.apply(mixed);
        stream = select.apply(stream);
      }
      stream = graph.apply("Add", stream, linear(graph, mixed, block + "self_attn.o_proj.weight"));
      stream = graph.apply("Add", stream, feedForward(graph, stream, block));
    }
    return new Forward(norm(graph, stream, "model.norm.weight"), caches);
  }

  private Value feedForward(GraphBuilder graph, Value stream, String block) {
    Value normed = norm(graph, stream, block + "post_attention_layernorm.weight");
    Value gate = linear(graph, normed, block + "mlp.gate_proj.weight");
    Value up = linear(graph, normed, block + "mlp.up_proj.weight");
    Value silu = graph.apply("Mul", gate, graph.apply("Sigmoid", gate));
    return linear(graph, graph.apply("Mul", silu, up), block + "mlp.down_proj.weight");
  }

  /** The output layer. {@code hidden} [rows, hiddenSize] gives [rows, vocabularySize]. */
  Value logits(GraphBuilder graph, Value hidden) {
    return linear(
        graph, hidden, config.tiedEmbeddings() ? "model.embed_tokens.weight" : "lm_head.weight");
  }

  private Value norm(GraphBuilder graph, Value value, String name) {
    return graph
        .operator("RMSNormalization")
        .with("axis", -1)
        .with("epsilon", (float) config.normEpsilon())
        .of(value, weight(name));
  }

  private Value linear(GraphBuilder graph, Value value, String name) {
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
