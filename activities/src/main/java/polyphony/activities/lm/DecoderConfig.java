package polyphony.activities.lm;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import polyphony.storage.PolyphonyException;

/**
 * The shape of a decoder, from a Hugging Face {@code config.json}: pre-norm transformer with
 * RMSNorm, rotary positions (half-split layout), grouped-query attention and SwiGLU. Both emitters
 * (ONNX graph and DJL operations) are written against this description alone.
 *
 * @param vocabularySize rows of the embedding
 * @param hiddenSize width of the residual stream
 * @param layers number of blocks
 * @param heads query heads
 * @param keyValueHeads key and value heads; divides {@code heads}
 * @param headSize width of a head
 * @param intermediateSize width of the feed-forward layer
 * @param ropeTheta base of the rotary frequencies
 * @param normEpsilon added to the mean square in RMSNorm
 * @param maxPositions context length in tokens
 * @param tiedEmbeddings whether the output layer is the embedding
 */
public record DecoderConfig(
    int vocabularySize,
    int hiddenSize,
    int layers,
    int heads,
    int keyValueHeads,
    int headSize,
    int intermediateSize,
    double ropeTheta,
    double normEpsilon,
    int maxPositions,
    boolean tiedEmbeddings) {

  private static final Set<String> SUPPORTED = Set.of("LlamaForCausalLM");

  /**
   * Reads {@code config.json}.
   *
   * @throws PolyphonyException DATA, naming the file, the field and what is supported
   */
  public static DecoderConfig read(Path file) {
    JsonNode json = JsonFile.read(file);
    String architecture = json.path("architectures").path(0).asText("");
    if (!SUPPORTED.contains(architecture)) {
      throw PolyphonyException.data(
          file
              + ": architecture \""
              + architecture
              + "\" is not supported; supported: LlamaForCausalLM");
    }
    requireDefault(file, json, "hidden_act", "silu");
    requireDefault(file, json, "attention_bias", "false");
    requireDefault(file, json, "mlp_bias", "false");
    requireDefault(file, json, "rope_scaling", "null");
    int heads = positive(file, json, "num_attention_heads", 0, 1 << 12);
    int hidden = positive(file, json, "hidden_size", 0, 1 << 20);
    int keyValueHeads = positive(file, json, "num_key_value_heads", heads, heads);
    if (heads % keyValueHeads != 0) {
      throw invalid(file, "num_key_value_heads", "must divide num_attention_heads = " + heads);
    }
    int headSize = positive(file, json, "head_dim", hidden / heads, 1 << 12);
    if (headSize % 2 != 0) {
      throw invalid(file, "head_dim", "must be even for rotary positions");
    }
    return new DecoderConfig(
        positive(file, json, "vocab_size", 0, 1 << 24),
        hidden,
        positive(file, json, "num_hidden_layers", 0, 1 << 12),
        heads,
        keyValueHeads,
        headSize,
        positive(file, json, "intermediate_size", 0, 1 << 22),
        positiveReal(file, json, "rope_theta", 10000.0),
        positiveReal(file, json, "rms_norm_eps", 1e-6),
        positive(file, json, "max_position_embeddings", 2048, 1 << 24),
        flag(file, json, "tie_word_embeddings"));
  }

  private static void requireDefault(Path file, JsonNode json, String field, String supported) {
    JsonNode value = json.path(field);
    if (!value.isMissingNode() && !value.isNull() && !value.asText("?").equals(supported)) {
      throw invalid(file, field, "is " + value + "; only " + supported + " is supported");
    }
  }

  private static int positive(Path file, JsonNode json, String field, int otherwise, int most) {
    JsonNode value = json.path(field);
    if ((value.isMissingNode() || value.isNull()) && otherwise > 0) {
      return otherwise;
    }
    if (!value.isIntegralNumber() || value.asLong() < 1 || value.asLong() > most) {
      throw invalid(
          file, field, "is " + value + "; a whole number from 1 to " + most + " is needed");
    }
    return value.asInt();
  }

  private static boolean flag(Path file, JsonNode json, String field) {
    JsonNode value = json.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return false;
    }
    if (!value.isBoolean()) {
      throw invalid(file, field, "is " + value + "; true or false is needed");
    }
    return value.asBoolean();
  }

  private static double positiveReal(Path file, JsonNode json, String field, double otherwise) {
    JsonNode value = json.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return otherwise;
    }
    if (!value.isNumber() || !(value.asDouble() > 0) || Double.isInfinite(value.asDouble())) {
      throw invalid(file, field, "is " + value + "; a positive number is needed");
    }
    return value.asDouble();
  }

  private static PolyphonyException invalid(Path file, String field, String what) {
    return PolyphonyException.data(file + ": " + field + " " + what);
  }

  /** Parameters in all, in the layout of {@link #weightShapes}. */
  public long parameters() {
    return weightShapes().values().stream()
        .mapToLong(shape -> Arrays.stream(shape).reduce(1, Math::multiplyExact))
        .sum();
  }

  /**
   * Every weight's Hugging Face name and shape, in a fixed order; matrices are {@code [out, in]}.
   */
  public Map<String, long[]> weightShapes() {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    long hidden = hiddenSize;
    long queries = (long) heads * headSize;
    long keys = (long) keyValueHeads * headSize;
    shapes.put("model.embed_tokens.weight", new long[] {vocabularySize, hidden});
    for (int layer = 0; layer < layers; layer++) {
      String block = "model.layers." + layer + ".";
      shapes.put(block + "input_layernorm.weight", new long[] {hidden});
      shapes.put(block + "self_attn.q_proj.weight", new long[] {queries, hidden});
      shapes.put(block + "self_attn.k_proj.weight", new long[] {keys, hidden});
      shapes.put(block + "self_attn.v_proj.weight", new long[] {keys, hidden});
      shapes.put(block + "self_attn.o_proj.weight", new long[] {hidden, queries});
      shapes.put(block + "post_attention_layernorm.weight", new long[] {hidden});
      shapes.put(block + "mlp.gate_proj.weight", new long[] {intermediateSize, hidden});
      shapes.put(block + "mlp.up_proj.weight", new long[] {intermediateSize, hidden});
      shapes.put(block + "mlp.down_proj.weight", new long[] {hidden, intermediateSize});
    }
    shapes.put("model.norm.weight", new long[] {hidden});
    if (!tiedEmbeddings) {
      shapes.put("lm_head.weight", new long[] {vocabularySize, hidden});
    }
    return shapes;
  }
}
