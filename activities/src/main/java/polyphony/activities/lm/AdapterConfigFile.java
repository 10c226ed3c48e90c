package polyphony.activities.lm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import polyphony.storage.PolyphonyException;

/**
 * One {@code adapter_config.json}, as PEFT writes it (LoraConfig of peft 0.21). A field that is
 * neither understood nor known to be of no consequence must be null, false or empty, which is how
 * PEFT writes everything that is switched off.
 */
final class AdapterConfigFile {
  private static final String ALL_LINEAR = "all-linear";
  private static final int MAX_RANK = 1 << 16;

  private static final Set<String> UNDERSTOOD =
      Set.of(
          "peft_type",
          "task_type",
          "r",
          "lora_alpha",
          "lora_dropout",
          "target_modules",
          "bias",
          "init_lora_weights");

  /** What says where the adapter comes from, or qualifies a field that must be switched off. */
  private static final Set<String> WITHOUT_CONSEQUENCE =
      Set.of(
          "auto_mapping",
          "base_model_name_or_path",
          "eva_config",
          "inference_mode",
          "layers_pattern",
          "megatron_core",
          "peft_version",
          "qalora_group_size",
          "revision",
          "runtime_config");

  /** First values of A and B that leave the base as it is; the others change its weights too. */
  private static final Set<String> INITIALISATIONS =
      Set.of("true", "false", "gaussian", "eva", "orthogonal");

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final Path file;
  private final JsonNode json;

  private AdapterConfigFile(Path file, JsonNode json) {
    this.file = file;
    this.json = json;
  }

  static AdapterConfig read(Path file, DecoderConfig base) {
    return new AdapterConfigFile(file, JsonFile.read(file)).config(base);
  }

  static void write(Path file, AdapterConfig config, Optional<String> baseModel) {
    ObjectNode json = JSON.createObjectNode();
    json.put("base_model_name_or_path", baseModel.orElse(null));
    json.put("bias", "none");
    json.put("fan_in_fan_out", false);
    json.put("inference_mode", true);
    json.put("init_lora_weights", true);
    // A whole number is what PEFT's field is declared as.
    if (config.alpha() == Math.rint(config.alpha()) && config.alpha() < Integer.MAX_VALUE) {
      json.put("lora_alpha", (int) config.alpha());
    } else {
      json.put("lora_alpha", config.alpha());
    }
    json.put("lora_dropout", config.dropout());
    json.put("peft_type", "LORA");
    json.put("r", config.rank());
    config.targets().forEach(json.putArray("target_modules")::add);
    json.put("task_type", "CAUSAL_LM");
    json.put("use_dora", false);
    json.put("use_rslora", false);
    try {
      Files.writeString(file, JSON.writeValueAsString(json) + "\n");
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          file + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
  }

  private AdapterConfig config(DecoderConfig base) {
    requireText("peft_type", "LORA");
    if (json.hasNonNull("task_type")) {
      requireText("task_type", "CAUSAL_LM");
    }
    for (Map.Entry<String, JsonNode> field : json.properties()) {
      if (!UNDERSTOOD.contains(field.getKey())
          && !WITHOUT_CONSEQUENCE.contains(field.getKey())
          && !switchedOff(field.getValue())) {
        throw invalid(
            field.getKey(),
            "is " + shortened(field.getValue()) + "; adapters with it are not supported");
      }
    }
    if (json.hasNonNull("bias")) {
      requireText("bias", "none");
    }
    JsonNode initialisation = json.path("init_lora_weights");
    if (json.hasNonNull("init_lora_weights")
        && !INITIALISATIONS.contains(initialisation.asText())) {
      throw invalid(
          "init_lora_weights",
          "is "
              + shortened(initialisation)
              + ", which changes the base's weights too; save the adapter converted to plain LoRA");
    }
    JsonNode rank = json.path("r");
    if (!rank.isInt() || rank.asInt() < 1 || rank.asInt() > MAX_RANK) {
      throw invalid("r", "is " + shortened(rank) + "; a whole number from 1 is needed");
    }
    JsonNode alpha = json.path("lora_alpha");
    if (!alpha.isNumber() || !(alpha.asDouble() > 0) || Double.isInfinite(alpha.asDouble())) {
      throw invalid("lora_alpha", "is " + shortened(alpha) + "; a positive number is needed");
    }
    JsonNode dropout = json.path("lora_dropout");
    if (!dropout.isMissingNode()
        && (!dropout.isNumber() || !(dropout.asDouble() >= 0) || !(dropout.asDouble() < 1))) {
      throw invalid("lora_dropout", "is " + shortened(dropout) + "; a share below 1 is needed");
    }
    return new AdapterConfig(rank.asInt(), alpha.asDouble(), dropout.asDouble(), targets(base));
  }

  private static boolean switchedOff(JsonNode value) {
    return value.isNull()
        || (value.isBoolean() && !value.asBoolean())
        || (value.isContainerNode() && value.isEmpty());
  }

  /** Each entry is, as in PEFT, the whole path of a layer or its end. */
  private SortedSet<String> targets(DecoderConfig base) {
    JsonNode given = json.path("target_modules");
    if (given.isTextual() && given.asText().equalsIgnoreCase(ALL_LINEAR)) {
      return base.linearLayers();
    }
    if (!given.isArray() || given.isEmpty()) {
      throw invalid(
          "target_modules",
          "is " + shortened(given) + "; a list of layers or \"" + ALL_LINEAR + "\" is needed");
    }
    Map<String, List<String>> byEnd = layersByEnd(base);
    Set<String> adapted = new HashSet<>();
    Set<JsonNode> entries = new LinkedHashSet<>();
    given.forEach(entries::add);
    for (JsonNode entry : entries) {
      List<String> meant = entry.isTextual() ? byEnd.get(entry.asText()) : null;
      if (meant == null) {
        throw invalid(
            "target_modules",
            "names "
                + shortened(entry)
                + "; the base's blocks have the linear layers "
                + String.join(", ", base.linearLayers()));
      }
      adapted.addAll(meant);
    }
    SortedSet<String> targets = new TreeSet<>();
    adapted.forEach(layer -> targets.add(AdapterConfig.target(layer)));
    for (String target : targets) {
      byEnd.get(target).stream()
          .filter(layer -> !adapted.contains(layer))
          .findFirst()
          .ifPresent(
              layer -> {
                throw invalid(
                    "target_modules",
                    "leaves out "
                        + layer
                        + "; adapters for "
                        + target
                        + " in some blocks alone are not supported");
              });
    }
    return targets;
  }

  /** The linear layers of all blocks by every end of their path. */
  private static Map<String, List<String>> layersByEnd(DecoderConfig base) {
    Map<String, List<String>> byEnd = new HashMap<>();
    for (int block = 0; block < base.layers(); block++) {
      for (String layer : base.linearLayers(block).keySet()) {
        byEnd.computeIfAbsent(layer, each -> new ArrayList<>()).add(layer);
        for (int dot = layer.indexOf('.'); dot >= 0; dot = layer.indexOf('.', dot + 1)) {
          byEnd.computeIfAbsent(layer.substring(dot + 1), each -> new ArrayList<>()).add(layer);
        }
      }
    }
    return byEnd;
  }

  private void requireText(String field, String supported) {
    JsonNode value = json.path(field);
    if (!value.isTextual() || !value.asText().equals(supported)) {
      throw invalid(field, "is " + shortened(value) + "; supported: " + supported);
    }
  }

  private static String shortened(JsonNode value) {
    String text = value.isMissingNode() ? "absent" : value.toString();
    return text.length() <= 60 ? text : text.substring(0, 60) + "…";
  }

  private PolyphonyException invalid(String field, String what) {
    return PolyphonyException.data(file + ": " + field + " " + what);
  }
}
