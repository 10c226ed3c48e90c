package polyphony.activities.lm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import polyphony.activities.lm.DecoderConfig.Activation;
import polyphony.activities.lm.DecoderConfig.Attention;
import polyphony.activities.lm.DecoderConfig.Block;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * One {@code config.json}, read as transformers reads it. {@code architectures.json} beside this
 * class holds each configuration class's defaults (transformers 4.57) and, under {@code elsewhere},
 * fields with which other architectures and forks change the computation, with the value that
 * changes nothing.
 */
final class DecoderConfigFile {
  private static final JsonNode ARCHITECTURES = architectures();
  private static final String ELSEWHERE = "elsewhere";
  private static final String SLIDING = "sliding_attention";
  private static final String FULL = "full_attention";

  private final Path file;
  private final String architecture;
  private final boolean phi3;
  private final boolean qwen2;
  private final boolean gemma2;
  private final JsonNode given;
  private final ObjectNode json;

  private DecoderConfigFile(Path file, String architecture, JsonNode given) {
    this.file = file;
    this.architecture = architecture;
    this.phi3 = architecture.equals("Phi3ForCausalLM");
    this.qwen2 = architecture.equals("Qwen2ForCausalLM");
    this.gemma2 = architecture.equals("Gemma2ForCausalLM");
    this.given = given;
    this.json = ARCHITECTURES.path(architecture).deepCopy();
    json.setAll((ObjectNode) given);
  }

  private static JsonNode architectures() {
    try (InputStream stream =
        DecoderConfigFile.class.getResourceAsStream("/polyphony/lm/architectures.json")) {
      return new ObjectMapper().readTree(stream);
    } catch (IOException e) {
      throw new PolyphonyException(ErrorClass.BUG, "architectures.json cannot be read", e);
    }
  }

  static DecoderConfig read(Path file) {
    JsonNode given = JsonFile.read(file);
    return new DecoderConfigFile(file, architecture(file, given), given).config();
  }

  /**
   * By {@code model_type}, as AutoModelForCausalLM does; by {@code architectures} where there is
   * none.
   */
  private static String architecture(Path file, JsonNode given) {
    JsonNode type = given.path("model_type");
    JsonNode names = given.path("architectures");
    boolean typed = given.hasNonNull("model_type");
    String named = names.size() == 1 ? names.path(0).asText() : names.toString();
    Set<String> supported = new LinkedHashSet<>();
    ARCHITECTURES.fieldNames().forEachRemaining(supported::add);
    supported.remove(ELSEWHERE);
    String architecture =
        supported.stream()
            .filter(
                each ->
                    typed
                        ? ARCHITECTURES.path(each).path("model_type").equals(type)
                        : each.equals(named))
            .findFirst()
            .orElseThrow(
                () ->
                    PolyphonyException.data(
                        file
                            + ": "
                            + (typed
                                ? "model_type " + shortened(type)
                                : "architecture \"" + named + "\"")
                            + " is not supported; supported: "
                            + String.join(", ", supported)));
    String base = architecture.replace("ForCausalLM", "Model");
    for (JsonNode name : names) {
      if (!name.asText().equals(architecture) && !name.asText().equals(base)) {
        throw PolyphonyException.data(
            file
                + ": architectures names "
                + shortened(name)
                + ", but model_type "
                + shortened(type)
                + " is supported as "
                + architecture
                + " alone");
      }
    }
    return architecture;
  }

  private DecoderConfig config() {
    requireNothingElse();
    int hidden = whole("hidden_size", 1, 1 << 20);
    int layers = whole("num_hidden_layers", 1, 1 << 12);
    int heads = whole("num_attention_heads", 1, 1 << 12);
    int keyValueHeads =
        absent("num_key_value_heads") ? heads : whole("num_key_value_heads", 1, heads);
    if (heads % keyValueHeads != 0) {
      throw invalid("num_key_value_heads", "must divide num_attention_heads = " + heads);
    }
    int headSize = absent("head_dim") ? hidden / heads : whole("head_dim", 1, 1 << 12);
    if (headSize < 2 || headSize % 2 != 0) {
      throw invalid("head_dim", "is " + headSize + "; it must be even for rotary positions");
    }
    int vocabulary = whole("vocab_size", 1, 1 << 24);
    int maxPositions = whole("max_position_embeddings", 1, 1 << 24);
    return new DecoderConfig(
        vocabulary,
        hidden,
        layers,
        heads,
        keyValueHeads,
        headSize,
        whole("intermediate_size", 1, 1 << 22),
        rotary(headSize, maxPositions),
        new Attention(
            1 / Math.sqrt(gemma2 ? positive("query_pre_attn_scalar") : headSize),
            gemma2 ? cap("attn_logit_softcapping") : Double.POSITIVE_INFINITY,
            windows(layers)),
        block(),
        gemma2 ? (float) Math.sqrt(hidden) : 1,
        positive("rms_norm_eps"),
        gemma2 ? cap("final_logit_softcapping") : Double.POSITIVE_INFINITY,
        maxPositions,
        flag("tie_word_embeddings"),
        paddingToken(vocabulary),
        untrainable());
  }

  /** Refuses what would make this another computation. */
  private void requireNothingElse() {
    for (Map.Entry<String, JsonNode> entry : ARCHITECTURES.path(ELSEWHERE).properties()) {
      JsonNode value = given.path(entry.getKey());
      JsonNode neutral = entry.getValue();
      boolean changesNothing =
          has(entry.getKey())
              || value.isMissingNode()
              || value.isNull()
              || (value.isContainerNode() && value.isEmpty())
              || (neutral.isNumber() && value.isNumber() && value.asDouble() == neutral.asDouble())
              || value.equals(neutral);
      if (!changesNothing) {
        throw invalid(
            entry.getKey(),
            "is " + shortened(value) + ", which " + architecture + " is not supported with");
      }
    }
  }

  private Block block() {
    if (gemma2) {
      requireActivation("hidden_activation", "gelu_pytorch_tanh");
    } else {
      requireActivation("hidden_act", "silu", "swish");
    }
    // The others do not read this field.
    boolean attentionBias = qwen2 || (has("attention_bias") && flag("attention_bias"));
    return new Block(
        phi3,
        attentionBias,
        attentionBias && !qwen2,
        has("mlp_bias") && flag("mlp_bias"),
        gemma2 ? Activation.GELU_TANH : Activation.SILU,
        gemma2,
        gemma2 ? 1 : 0);
  }

  private void requireActivation(String field, String... supported) {
    if (!List.of(supported).contains(json.path(field).asText())) {
      throw invalid(
          field,
          "is "
              + shortened(json.path(field))
              + "; supported with "
              + architecture
              + ": "
              + supported[0]);
    }
  }

  /** Layers alternate in Gemma 2; elsewhere all are alike, or the first few see everything. */
  private List<Integer> windows(int layers) {
    boolean windowed =
        has("sliding_window")
            && !absent("sliding_window")
            && !(has("use_sliding_window") && !flag("use_sliding_window"));
    List<String> types = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      boolean sliding =
          gemma2
              ? layer % 2 == 0
              : windowed && !(qwen2 && layer < whole("max_window_layers", 0, 1 << 12));
      types.add(sliding ? SLIDING : FULL);
    }
    if (!absent("layer_types")) {
      List<String> named = new ArrayList<>();
      json.path("layer_types").forEach(type -> named.add(type.asText()));
      if (named.size() != layers
          || !Set.of(SLIDING, FULL).containsAll(named)
          || !(has("layer_types") || named.equals(types))) {
        throw invalid(
            "layer_types",
            "is "
                + shortened(json.path("layer_types"))
                + ", which "
                + architecture
                + " is not supported with");
      }
      types = named;
    }
    if (types.contains(SLIDING) && !windowed) {
      throw invalid("sliding_window", "is not given, but layer_types name layers that have one");
    }
    int window = windowed ? whole("sliding_window", 1, Integer.MAX_VALUE - 1) : 0;
    return types.stream()
        .map(type -> type.equals(SLIDING) ? window : DecoderConfig.WHOLE_TEXT)
        .toList();
  }

  private RotaryPositions rotary(int headSize, int maxPositions) {
    // Newer files hold everything about rotary positions in one object.
    boolean newer = !absent("rope_parameters");
    String field = newer ? "rope_parameters" : "rope_scaling";
    JsonNode parameters = json.path(field);
    if (newer && given.hasNonNull("rope_scaling")) {
      throw invalid("rope_scaling", "stands beside rope_parameters; leave one out");
    }
    if (!parameters.isObject() && !absent(field)) {
      throw invalid(field, "is " + shortened(parameters) + "; an object is needed");
    }
    for (String shared :
        List.of("rope_theta", "partial_rotary_factor", "original_max_position_embeddings")) {
      // Elsewhere the last one is llama3's own.
      if (parameters.has(shared) && (has(shared) || !shared.startsWith("original"))) {
        if (!newer || (given.has(shared) && !given.path(shared).equals(parameters.path(shared)))) {
          throw invalid(field + "." + shared, "contradicts " + shared + "; leave one out");
        }
        json.set(shared, parameters.path(shared));
      }
    }
    double share = absent("partial_rotary_factor") ? 1 : positive("partial_rotary_factor");
    int size = (int) (headSize * share);
    if (share > 1 || size < 2 || size % 2 != 0 || (share < 1 && !has("partial_rotary_factor"))) {
      throw invalid(
          "partial_rotary_factor",
          "is "
              + share
              + "; with "
              + architecture
              + " and heads of "
              + headSize
              + " not supported");
    }
    return new RotaryPositions(
        size,
        positive("rope_theta"),
        scaling(field, parameters, size, maxPositions),
        maxPositions > RotaryPositions.SHORT_CONTEXT);
  }

  private RotaryScaling scaling(String field, JsonNode parameters, int size, int maxPositions) {
    if (!parameters.isObject() || parameters.isEmpty()) {
      return new RotaryScaling.None();
    }
    String older = scalingType(parameters.path("type").asText());
    String type = scalingType(parameters.path("rope_type").asText(older));
    if (parameters.hasNonNull("type") && !older.equals(type)) {
      throw invalid(field, "has a type and another rope_type; leave one out");
    }
    if (phi3 != type.equals("longrope") && !type.equals("default")) {
      throw invalid(
          field,
          "has type \""
              + type
              + "\"; supported with "
              + architecture
              + ": "
              + (phi3 ? "longrope" : "linear, dynamic, llama3, yarn"));
    }
    switch (type) {
      case "default" -> {
        requireOnly(field, parameters);
        return new RotaryScaling.None();
      }
      case "linear" -> {
        requireOnly(field, parameters, "factor");
        return new RotaryScaling.Linear(positive(field, parameters, "factor"));
      }
      case "dynamic" -> {
        requireOnly(field, parameters, "factor", "original_max_position_embeddings");
        return new RotaryScaling.Dynamic(positive(field, parameters, "factor"), maxPositions);
      }
      case "llama3" -> {
        requireOnly(
            field,
            parameters,
            "factor",
            "low_freq_factor",
            "high_freq_factor",
            "original_max_position_embeddings");
        RotaryScaling.Llama3 llama3 =
            new RotaryScaling.Llama3(
                positive(field, parameters, "factor"),
                positive(field, parameters, "low_freq_factor"),
                positive(field, parameters, "high_freq_factor"),
                whole(field, parameters, "original_max_position_embeddings", 1, 1 << 24));
        if (llama3.highFrequencyFactor() <= llama3.lowFrequencyFactor()) {
          throw invalid(field + ".high_freq_factor", "must be above low_freq_factor");
        }
        return llama3;
      }
      case "yarn" -> {
        return yarn(field, parameters, maxPositions);
      }
      case "longrope" -> {
        return longRope(field, parameters, size, maxPositions);
      }
      default ->
          throw invalid(
              field,
              "has type \"" + type + "\"; supported: default, linear, dynamic, llama3, yarn");
    }
  }

  private RotaryScaling yarn(String field, JsonNode parameters, int maxPositions) {
    requireOnly(
        field,
        parameters,
        "factor",
        "attention_factor",
        "beta_fast",
        "beta_slow",
        "mscale",
        "mscale_all_dim",
        "truncate",
        "original_max_position_embeddings");
    double factor = positive(field, parameters, "factor");
    boolean scaled = parameters.hasNonNull("mscale") && parameters.hasNonNull("mscale_all_dim");
    double magnitude =
        parameters.hasNonNull("attention_factor")
            ? positive(field, parameters, "attention_factor")
            : scaled
                ? yarnMagnitude(factor, positive(field, parameters, "mscale"))
                    / yarnMagnitude(factor, positive(field, parameters, "mscale_all_dim"))
                : yarnMagnitude(factor, 1);
    JsonNode truncate = parameters.path("truncate");
    if (!truncate.isMissingNode() && !truncate.isBoolean()) {
      throw invalid(field + ".truncate", "is " + shortened(truncate) + "; true or false is needed");
    }
    RotaryScaling.Yarn yarn =
        new RotaryScaling.Yarn(
            factor,
            parameters.hasNonNull("beta_fast") ? positive(field, parameters, "beta_fast") : 32,
            parameters.hasNonNull("beta_slow") ? positive(field, parameters, "beta_slow") : 1,
            truncate.asBoolean(true),
            parameters.hasNonNull("original_max_position_embeddings")
                ? whole(field, parameters, "original_max_position_embeddings", 1, 1 << 24)
                : maxPositions,
            magnitude);
    if (yarn.fastTurns() < yarn.slowTurns()) {
      throw invalid(field + ".beta_fast", "must not be below beta_slow");
    }
    return yarn;
  }

  private static double yarnMagnitude(double factor, double scale) {
    return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  }

  /** The first Phi-3 files had other names for it. */
  private String scalingType(String name) {
    return phi3 && (name.equals("su") || name.equals("yarn")) ? "longrope" : name;
  }

  private RotaryScaling longRope(String field, JsonNode parameters, int size, int maxPositions) {
    requireOnly(
        field,
        parameters,
        "short_factor",
        "long_factor",
        "attention_factor",
        "original_max_position_embeddings");
    int original = whole("original_max_position_embeddings", 1, 1 << 24);
    double growth = (double) maxPositions / original;
    if (growth > 1 && original == 1) {
      throw invalid("original_max_position_embeddings", "must be above 1");
    }
    double magnitude =
        parameters.hasNonNull("attention_factor")
            ? positive(field, parameters, "attention_factor")
            : growth > 1 ? Math.sqrt(1 + Math.log(growth) / Math.log(original)) : 1;
    return new RotaryScaling.LongRope(
        factors(field, parameters, "short_factor", size / 2),
        factors(field, parameters, "long_factor", size / 2),
        original,
        magnitude);
  }

  private List<Double> factors(String field, JsonNode parameters, String name, int count) {
    List<Double> factors = new ArrayList<>();
    for (JsonNode factor : parameters.path(name)) {
      factors.add(positive(field + "." + name, factor));
    }
    if (factors.size() != count) {
      throw invalid(
          field + "." + name,
          "has "
              + factors.size()
              + " numbers; one for each of "
              + count
              + " pairs of a head's entries is needed");
    }
    return factors;
  }

  private void requireOnly(String field, JsonNode parameters, String... known) {
    Set<String> names = new LinkedHashSet<>();
    parameters.fieldNames().forEachRemaining(names::add);
    List.of("type", "rope_type", "rope_theta", "partial_rotary_factor").forEach(names::remove);
    List.of(known).forEach(names::remove);
    if (!names.isEmpty()) {
      throw invalid(field + "." + names.iterator().next(), "is not understood");
    }
  }

  /** As in PyTorch, a negative one counts from the vocabulary's end. */
  private int paddingToken(int vocabulary) {
    if (absent("pad_token_id")) {
      return -1;
    }
    JsonNode value = json.path("pad_token_id");
    boolean usual = !given.has("pad_token_id");
    if (usual && value.asInt() >= vocabulary) {
      return -1;
    }
    int token = whole("pad_token_id", -vocabulary, vocabulary - 1);
    return token < 0 ? vocabulary + token : token;
  }

  private Optional<String> untrainable() {
    if (gemma2) {
      return Optional.of(architecture + " can be sampled and scored, but not trained");
    }
    for (String field : List.of("attention_dropout", "embd_pdrop", "resid_pdrop")) {
      JsonNode value = json.path(field);
      if (!value.isMissingNode()
          && !value.isNull()
          && (!value.isNumber() || value.asDouble() != 0)) {
        return Optional.of(
            "config.json sets "
                + field
                + " = "
                + value
                + "; training without dropout alone is"
                + " supported, so set it to 0");
      }
    }
    return Optional.empty();
  }

  /** Whether the architecture's configuration class has {@code field}. */
  private boolean has(String field) {
    return ARCHITECTURES.path(architecture).has(field);
  }

  private boolean absent(String field) {
    return json.path(field).isMissingNode() || json.path(field).isNull();
  }

  private int whole(String field, long least, long most) {
    return whole("", json, field, least, most);
  }

  private int whole(String parent, JsonNode object, String field, long least, long most) {
    JsonNode value = object.path(field);
    String name = parent.isEmpty() ? field : parent + "." + field;
    if (!value.isIntegralNumber()
        || !value.canConvertToLong()
        || value.asLong() < least
        || value.asLong() > most) {
      throw invalid(
          name,
          "is "
              + shortened(value)
              + "; a whole number from "
              + least
              + " to "
              + most
              + " is needed");
    }
    return value.asInt();
  }

  private boolean flag(String field) {
    JsonNode value = json.path(field);
    if (value.isNull()) {
      return false;
    }
    if (!value.isBoolean()) {
      throw invalid(field, "is " + shortened(value) + "; true or false is needed");
    }
    return value.asBoolean();
  }

  /** Infinite where there is no cap. */
  private double cap(String field) {
    return absent(field) ? Double.POSITIVE_INFINITY : positive(field);
  }

  private double positive(String field) {
    return positive(field, json.path(field));
  }

  private double positive(String parent, JsonNode object, String field) {
    return positive(parent + "." + field, object.path(field));
  }

  private double positive(String name, JsonNode value) {
    if (!value.isNumber() || !(value.asDouble() > 0) || Double.isInfinite(value.asDouble())) {
      throw invalid(name, "is " + shortened(value) + "; a positive number is needed");
    }
    return value.asDouble();
  }

  private static String shortened(JsonNode value) {
    String text = value.isMissingNode() ? "absent" : value.toString();
    return text.length() <= 60 ? text : text.substring(0, 60) + "…";
  }

  private PolyphonyException invalid(String field, String what) {
    return PolyphonyException.data(file + ": " + field + " " + what);
  }
}
