package polyphony.activities.lm;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import polyphony.storage.PolyphonyException;

/**
 * The shape of a T5 encoder (arXiv 1910.10683 and, gated, 2002.05202), from a Hugging Face {@code
 * config.json}: pre-norm transformer with RMSNorm, unscaled attention in both directions with
 * learned biases by relative position, and a feed-forward layer of ReLU or gated GELU.
 *
 * @param vocabularySize rows of the embedding
 * @param hiddenSize width of the residual stream
 * @param layers number of blocks
 * @param heads of attention
 * @param headSize width of a head; {@code heads * headSize} need not be {@code hiddenSize}
 * @param intermediateSize width of the feed-forward layer
 * @param gated whether the feed-forward layer is a gated GELU (tanh form) and not a ReLU
 * @param buckets of relative positions, half of them for each direction
 * @param maxDistance all positions further apart share the last bucket
 * @param normEpsilon added to the mean square in RMSNorm
 */
public record EncoderConfig(
    int vocabularySize,
    int hiddenSize,
    int layers,
    int heads,
    int headSize,
    int intermediateSize,
    boolean gated,
    int buckets,
    int maxDistance,
    double normEpsilon) {
  /** The embedding's name in most files; see {@link EncoderModel}. */
  static final String EMBEDDING = "shared.weight";

  private static final List<String> SUPPORTED =
      List.of("T5EncoderModel", "T5ForConditionalGeneration", "T5Model", "T5WithLMHeadModel");

  /** Whether {@code config.json} describes a model whose encoder this can be. */
  public static boolean describes(Path file) {
    return SUPPORTED.contains(architecture(JsonFile.read(file)));
  }

  private static String architecture(JsonNode json) {
    return json.path("architectures").path(0).asText("");
  }

  /**
   * Reads {@code config.json}.
   *
   * @throws PolyphonyException DATA, naming the file, the field and what is supported
   */
  public static EncoderConfig read(Path file) {
    JsonNode json = JsonFile.read(file);
    if (!SUPPORTED.contains(architecture(json))) {
      throw PolyphonyException.data(
          file
              + ": architecture \""
              + architecture(json)
              + "\" is not an encoder that is supported; supported: "
              + String.join(", ", SUPPORTED));
    }
    String feedForward = json.path("feed_forward_proj").asText("relu");
    if (!List.of("relu", "gated-gelu").contains(feedForward)) {
      throw invalid(
          file,
          "feed_forward_proj",
          "is \"" + feedForward + "\"; only relu and gated-gelu are supported");
    }
    int buckets = positive(file, json, "relative_attention_num_buckets", 32, 1 << 12);
    int maxDistance = positive(file, json, "relative_attention_max_distance", 128, 1 << 20);
    if (buckets % 2 != 0 || buckets < 4 || maxDistance <= buckets / 4) {
      throw invalid(
          file,
          "relative_attention_num_buckets",
          "is "
              + buckets
              + "; an even number from 4 is needed, below 4 times"
              + " relative_attention_max_distance = "
              + maxDistance);
    }
    JsonNode epsilon = json.path("layer_norm_epsilon");
    if (!epsilon.isMissingNode() && !(epsilon.isNumber() && epsilon.asDouble() > 0)) {
      throw invalid(file, "layer_norm_epsilon", "is " + epsilon + "; a positive number is needed");
    }
    return new EncoderConfig(
        positive(file, json, "vocab_size", 0, 1 << 24),
        positive(file, json, "d_model", 0, 1 << 20),
        positive(file, json, "num_layers", 0, 1 << 12),
        positive(file, json, "num_heads", 0, 1 << 12),
        positive(file, json, "d_kv", 0, 1 << 12),
        positive(file, json, "d_ff", 0, 1 << 22),
        feedForward.equals("gated-gelu"),
        buckets,
        maxDistance,
        epsilon.asDouble(1e-6));
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

  private static PolyphonyException invalid(Path file, String field, String what) {
    return PolyphonyException.data(file + ": " + field + " " + what);
  }

  /**
   * The bucket of a relative position, as the authors' code has it: one each for the small
   * distances, logarithmically wider ones up to {@code maxDistance}. In 32-bit floats, as it is
   * there, since its rounding decides at a bucket's edge.
   *
   * @param relative key's position less the query's
   */
  public int bucket(int relative) {
    int half = buckets / 2;
    int exact = half / 2;
    int direction = relative > 0 ? half : 0;
    int distance = Math.abs(relative);
    if (distance < exact) {
      return direction + distance;
    }
    float share =
        (float) Math.log((float) distance / exact) / (float) Math.log((double) maxDistance / exact);
    return direction + Math.min(half - 1, exact + (int) (share * (half - exact)));
  }

  /**
   * Every weight's Hugging Face name and shape, in a fixed order; matrices are {@code [out, in]}.
   */
  public Map<String, long[]> weightShapes() {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    long inner = (long) heads * headSize;
    shapes.put(EMBEDDING, new long[] {vocabularySize, hiddenSize});
    for (int layer = 0; layer < layers; layer++) {
      String attention = "encoder.block." + layer + ".layer.0.";
      shapes.put(attention + "layer_norm.weight", new long[] {hiddenSize});
      for (String projection : List.of("q", "k", "v")) {
        shapes.put(
            attention + "SelfAttention." + projection + ".weight", new long[] {inner, hiddenSize});
      }
      shapes.put(attention + "SelfAttention.o.weight", new long[] {hiddenSize, inner});
      if (layer == 0) {
        shapes.put(
            attention + "SelfAttention.relative_attention_bias.weight",
            new long[] {buckets, heads});
      }
      String feedForward = "encoder.block." + layer + ".layer.1.";
      shapes.put(feedForward + "layer_norm.weight", new long[] {hiddenSize});
      for (String projection : gated ? List.of("wi_0", "wi_1") : List.of("wi")) {
        shapes.put(
            feedForward + "DenseReluDense." + projection + ".weight",
            new long[] {intermediateSize, hiddenSize});
      }
      shapes.put(
          feedForward + "DenseReluDense.wo.weight", new long[] {hiddenSize, intermediateSize});
    }
    shapes.put("encoder.final_layer_norm.weight", new long[] {hiddenSize});
    return shapes;
  }
}
