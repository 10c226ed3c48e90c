package polyphony.activities.lm;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import polyphony.storage.PolyphonyException;

/**
 * What a decoder computes, from a Hugging Face {@code config.json}: a pre-norm transformer with
 * RMSNorm, rotary positions, grouped-query attention and a gated feed-forward layer, in the
 * variants of the Llama, Mistral, Phi-3, Qwen2 and Gemma 2 families. Both emitters (ONNX graph and
 * TorchScript) are written against this description alone; none knows the families' names.
 *
 * @param vocabularySize rows of the embedding
 * @param hiddenSize width of the residual stream
 * @param layers number of blocks
 * @param heads query heads
 * @param keyValueHeads key and value heads; divides {@code heads}
 * @param headSize width of a head
 * @param intermediateSize width of the feed-forward layer
 * @param rotary how positions enter
 * @param attention what a token sees, and how strongly
 * @param block what the blocks are made of
 * @param embeddingScale what a token's embedding is multiplied by
 * @param normEpsilon added to the mean square in RMSNorm
 * @param logitCap {@code c} where logits become {@code c tanh(logit / c)}; infinite for none
 * @param maxPositions context length in tokens
 * @param tiedEmbeddings whether the output layer is the embedding
 * @param paddingToken whose embedding is not trained as an input, as in PyTorch's {@code
 *     Embedding}; or -1
 * @param untrainable why the model can only be sampled and scored, where that is so
 */
public record DecoderConfig(
    int vocabularySize,
    int hiddenSize,
    int layers,
    int heads,
    int keyValueHeads,
    int headSize,
    int intermediateSize,
    RotaryPositions rotary,
    Attention attention,
    Block block,
    double embeddingScale,
    double normEpsilon,
    double logitCap,
    int maxPositions,
    boolean tiedEmbeddings,
    int paddingToken,
    Optional<String> untrainable) {

  /** The window of a layer that sees the whole text before a token. */
  public static final int WHOLE_TEXT = Integer.MAX_VALUE;

  /** What the name of a weight ends with that is multiplied with, not added. */
  static final String WEIGHT = ".weight";

  /** What is applied to the gate of the feed-forward layer. */
  public enum Activation {
    /** {@code x / (1 + e^-x)}. */
    SILU,
    /** The tanh approximation of {@code x} times the normal distribution's function of it. */
    GELU_TANH
  }

  /**
   * @param scale what the product of a query and a key is multiplied by
   * @param cap {@code c} where scores become {@code c tanh(score / c)} before the mask; infinite
   *     for none
   * @param windows by layer: how many tokens a token sees, itself included, or {@link #WHOLE_TEXT}
   */
  public record Attention(double scale, double cap, List<Integer> windows) {
    public Attention {
      windows = List.copyOf(windows);
    }
  }

  /**
   * @param packed whether queries, keys and values come of one matrix, in this order, and gate and
   *     up of another one
   * @param queryKeyValueBias whether those three projections have biases
   * @param outputBias whether attention's output projection has one
   * @param feedForwardBias whether gate, up and down have them
   * @param outerNorms whether what attention and the feed-forward layer add to the stream is normed
   *     itself
   * @param normOffset added to every norm's weight
   */
  public record Block(
      boolean packed,
      boolean queryKeyValueBias,
      boolean outputBias,
      boolean feedForwardBias,
      Activation activation,
      boolean outerNorms,
      double normOffset) {
    static final Block PLAIN = new Block(false, false, false, false, Activation.SILU, false, 0);
  }

  /** A Llama without variations, as {@link NewLanguageModel} writes it: padding is token 0. */
  public DecoderConfig(
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
    this(
        vocabularySize,
        hiddenSize,
        layers,
        heads,
        keyValueHeads,
        headSize,
        intermediateSize,
        new RotaryPositions(
            headSize,
            ropeTheta,
            new RotaryScaling.None(),
            maxPositions > RotaryPositions.SHORT_CONTEXT),
        new Attention(
            1 / Math.sqrt(headSize),
            Double.POSITIVE_INFINITY,
            Collections.nCopies(layers, WHOLE_TEXT)),
        Block.PLAIN,
        1,
        normEpsilon,
        Double.POSITIVE_INFINITY,
        maxPositions,
        tiedEmbeddings,
        0,
        Optional.empty());
  }

  /**
   * Reads {@code config.json}. What it leaves out has the default of transformers' configuration
   * class; what would change the computation and is not understood is refused.
   *
   * @throws PolyphonyException DATA, naming the file, the field and what is supported
   */
  public static DecoderConfig read(Path file) {
    return DecoderConfigFile.read(file);
  }

  /** Whether this is a Llama without variations. */
  boolean plain() {
    return equals(
        new DecoderConfig(
            vocabularySize,
            hiddenSize,
            layers,
            heads,
            keyValueHeads,
            headSize,
            intermediateSize,
            rotary.theta(),
            normEpsilon,
            maxPositions,
            tiedEmbeddings));
  }

  /** Parameters in all, in the layout of {@link #weightShapes}. */
  public long parameters() {
    return weightShapes().values().stream()
        .mapToLong(shape -> Arrays.stream(shape).reduce(1, Math::multiplyExact))
        .sum();
  }

  /** The name of the output layer's weight. */
  public String outputWeight() {
    return tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  }

  /** What the name of a weight of block {@code layer} begins with. */
  public static String blockPrefix(int layer) {
    return "model.layers." + layer + ".";
  }

  /**
   * Every weight's Hugging Face name and shape, in a fixed order: embedding, blocks, final norm,
   * and the head unless tied. Matrices are {@code [out, in]}.
   */
  public Map<String, long[]> weightShapes() {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("model.embed_tokens.weight", new long[] {vocabularySize, hiddenSize});
    for (int layer = 0; layer < layers; layer++) {
      String prefix = blockPrefix(layer);
      blockShapes().forEach((name, shape) -> shapes.put(prefix + name, shape));
    }
    shapes.put("model.norm.weight", new long[] {hiddenSize});
    if (!tiedEmbeddings) {
      shapes.put(outputWeight(), new long[] {vocabularySize, hiddenSize});
    }
    return shapes;
  }

  /** The same of one block's weights, by what follows {@link #blockPrefix} in their names. */
  public Map<String, long[]> blockShapes() {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    long queries = (long) heads * headSize;
    long keys = (long) keyValueHeads * headSize;
    norm(shapes, "input_layernorm");
    boolean bias = block.queryKeyValueBias();
    if (block.packed()) {
      linear(shapes, "self_attn.qkv_proj", queries + 2 * keys, hiddenSize, bias);
    } else {
      linear(shapes, "self_attn.q_proj", queries, hiddenSize, bias);
      linear(shapes, "self_attn.k_proj", keys, hiddenSize, bias);
      linear(shapes, "self_attn.v_proj", keys, hiddenSize, bias);
    }
    linear(shapes, "self_attn.o_proj", hiddenSize, queries, block.outputBias());
    norm(shapes, "post_attention_layernorm");
    if (block.outerNorms()) {
      norm(shapes, "pre_feedforward_layernorm");
      norm(shapes, "post_feedforward_layernorm");
    }
    bias = block.feedForwardBias();
    if (block.packed()) {
      linear(shapes, "mlp.gate_up_proj", 2L * intermediateSize, hiddenSize, bias);
    } else {
      linear(shapes, "mlp.gate_proj", intermediateSize, hiddenSize, bias);
      linear(shapes, "mlp.up_proj", intermediateSize, hiddenSize, bias);
    }
    linear(shapes, "mlp.down_proj", hiddenSize, intermediateSize, bias);
    return shapes;
  }

  /**
   * The linear layers of block {@code layer} by name, such as {@code
   * model.layers.0.self_attn.q_proj}, with the shapes {@code [out, in]} of their weights: those
   * that an adapter may add to.
   */
  public Map<String, long[]> linearLayers(int layer) {
    Map<String, long[]> layers = new LinkedHashMap<>();
    blockShapes()
        .forEach(
            (name, shape) -> {
              if (shape.length == 2) {
                layers.put(
                    blockPrefix(layer) + name.substring(0, name.length() - WEIGHT.length()), shape);
              }
            });
    return layers;
  }

  /** What the linear layers of every block are called, without their path: {@code q_proj}. */
  public SortedSet<String> linearLayers() {
    SortedSet<String> names = new TreeSet<>();
    linearLayers(0).keySet().forEach(name -> names.add(AdapterConfig.target(name)));
    return names;
  }

  /**
   * The linear layers of all blocks that have one of these names, in a fixed order, as in {@link
   * #linearLayers(int)}.
   *
   * @param names without their path, such as {@code q_proj}
   */
  public Map<String, long[]> linearLayers(Collection<String> names) {
    Map<String, long[]> chosen = new LinkedHashMap<>();
    for (int layer = 0; layer < layers; layer++) {
      linearLayers(layer)
          .forEach(
              (name, shape) -> {
                if (names.contains(AdapterConfig.target(name))) {
                  chosen.put(name, shape);
                }
              });
    }
    return chosen;
  }

  /** The name, within a block, of the norm before the feed-forward layer. */
  public String feedForwardNorm() {
    return block.outerNorms()
        ? "pre_feedforward_layernorm.weight"
        : "post_attention_layernorm.weight";
  }

  private void norm(Map<String, long[]> shapes, String name) {
    shapes.put(name + ".weight", new long[] {hiddenSize});
  }

  private static void linear(
      Map<String, long[]> shapes, String name, long outputs, long inputs, boolean bias) {
    shapes.put(name + ".weight", new long[] {outputs, inputs});
    if (bias) {
      shapes.put(name + ".bias", new long[] {outputs});
    }
  }
}
