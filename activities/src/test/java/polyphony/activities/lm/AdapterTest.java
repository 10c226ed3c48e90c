package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class AdapterTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final AdapterConfig CONFIG =
      new AdapterConfig(3, 4.5, 0.05, new TreeSet<>(Set.of("k_proj", "o_proj", "up_proj")));

  @TempDir private Path temporary;

  private LanguageModel base;
  private Path folder;

  @BeforeEach
  void anAdapterOverATinyModel() {
    base = TinyModels.untied(temporary.resolve("base"));
    folder = temporary.resolve("adapter");
    TinyModels.adapter(folder, base.config(), CONFIG, 3);
  }

  private void set(String field, String value) throws IOException {
    Path file = folder.resolve(Adapter.CONFIG);
    ObjectNode json = (ObjectNode) JSON.readTree(file.toFile());
    json.set(field, JSON.readTree(value));
    Files.writeString(file, json.toString());
  }

  private AdapterConfig config() {
    return AdapterConfig.read(folder.resolve(Adapter.CONFIG), base.config());
  }

  @Test
  void whatIsWrittenIsRead() throws IOException {
    Adapter adapter = Adapter.open(folder, base.config());
    assertThat(adapter.config()).isEqualTo(CONFIG);
    assertThat(adapter.weights().tensors().keySet())
        .containsExactlyInAnyOrderElementsOf(CONFIG.weightShapes(base.config()).keySet())
        .hasSize(12);
    CONFIG.write(folder.resolve(Adapter.CONFIG), Optional.of("built-in"));
    assertThat(JSON.readTree(folder.resolve(Adapter.CONFIG).toFile()))
        .isEqualTo(
            JSON.readTree(
                """
                {"base_model_name_or_path": "built-in", "bias": "none", "fan_in_fan_out": false,
                 "inference_mode": true, "init_lora_weights": true, "lora_alpha": 4.5,
                 "lora_dropout": 0.05, "peft_type": "LORA", "r": 3,
                 "target_modules": ["k_proj", "o_proj", "up_proj"], "task_type": "CAUSAL_LM",
                 "use_dora": false, "use_rslora": false}
                """));
    assertThat(config()).isEqualTo(CONFIG);
  }

  @Test
  void targetsAreNamesPathsEndsOfPathsOrAllLinearLayers() throws IOException {
    set("target_modules", "[\"model.layers.1.self_attn.q_proj\", \"0.self_attn.q_proj\"]");
    assertThat(config().targets()).containsExactly("q_proj");
    set("target_modules", "[\"self_attn.q_proj\", \"down_proj\"]");
    assertThat(config().targets()).containsExactly("down_proj", "q_proj");
    set("target_modules", "\"all-linear\"");
    assertThat(config().targets())
        .containsExactly(
            "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")
        .isEqualTo(base.config().linearLayers());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "peft_type | \"IA3\" | peft_type is \"IA3\"; supported: LORA",
        "task_type | \"SEQ_CLS\" | supported: CAUSAL_LM",
        "r | 0 | a whole number from 1",
        "r | 2.5 | a whole number from 1",
        "lora_alpha | -1 | a positive number",
        "lora_alpha | null | a positive number",
        "lora_dropout | 1 | a share below 1",
        "bias | \"all\" | supported: none",
        "use_rslora | true | use_rslora is true; adapters with it are not supported",
        "use_dora | true | use_dora is true",
        "lora_bias | true | lora_bias is true",
        "fan_in_fan_out | true | fan_in_fan_out is true",
        "modules_to_save | [\"lm_head\"] | modules_to_save is",
        "rank_pattern | {\"q_proj\": 4} | rank_pattern is",
        "alpha_pattern | {\"q_proj\": 4} | alpha_pattern is",
        "layers_to_transform | [0] | layers_to_transform is",
        "exclude_modules | \"k_proj\" | exclude_modules is",
        "megatron_config | {\"a\": 1} | megatron_config is",
        "layer_replication | [[0, 1]] | layer_replication is",
        "trainable_token_indices | [1] | trainable_token_indices is",
        "some_later_invention | 1 | some_later_invention is 1",
        "init_lora_weights | \"pissa\" | changes the base's weights too",
        "target_modules | \".*q_proj\" | a list of layers or \"all-linear\"",
        "target_modules | [] | a list of layers",
        "target_modules | [1] | names 1; the base's blocks have the linear layers down_proj, gate",
        "target_modules | [\"model.layers.0.mlp.up_proj\"] | leaves out model.layers.1.mlp.up_proj",
        "target_modules | [\"layers\"] | names \"layers\"",
        "target_modules | [\"lm_head\"] | names \"lm_head\"",
        "target_modules | [\"proj\"] | names \"proj\"",
        "target_modules | [\"\"] | names \"\"",
      })
  void whatChangesTheComputationIsRefusedByName(String field, String value, String message)
      throws IOException {
    set(field, value);
    assertThatThrownBy(this::config)
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "task_type | null",
        "bias | null",
        "init_lora_weights | \"gaussian\"",
        "base_model_name_or_path | \"/somewhere/else\"",
        "megatron_core | \"megatron.core\"",
        "qalora_group_size | 16",
        "rank_pattern | {}",
        "some_later_invention | false",
      })
  void whatIsSwitchedOffOrOfNoConsequenceIsNot(String field, String value) throws IOException {
    set(field, value);
    assertThat(config()).isEqualTo(CONFIG);
  }

  @Test
  void weightsMustBeThoseOfTheConfigurationAndTheBase() throws IOException {
    set("target_modules", "[\"k_proj\", \"o_proj\", \"up_proj\", \"v_proj\"]");
    assertThatThrownBy(() -> Adapter.open(folder, base.config()))
        .hasMessageContaining("layers.0.self_attn.v_proj.lora_A.weight, which adapter_config.json");
    set("target_modules", "[\"k_proj\", \"o_proj\"]");
    assertThatThrownBy(() -> Adapter.open(folder, base.config()))
        .hasMessageContaining("has a tensor")
        .hasMessageContaining("up_proj");
    set("r", "4");
    assertThatThrownBy(() -> Adapter.open(folder, base.config()))
        .hasMessageContaining("implies [4, 24]");
    Files.delete(folder.resolve(Adapter.WEIGHTS));
    assertThatThrownBy(() -> Adapter.open(folder, base.config()))
        .hasMessageContaining("has no adapter_model.safetensors");
  }

  @Test
  void mergedWeightsAreTheBasesPlusTheScaledProduct() {
    Adapter adapter = Adapter.open(folder, base.config());
    LanguageModel model = base.with(adapter);
    Map<String, float[]> merged = new LinkedHashMap<>();
    base.config()
        .weightShapes()
        .forEach(
            (name, shape) -> {
              FloatBuffer into =
                  FloatBuffer.allocate(base.weights().floats(name).length + 5).position(5);
              model.floats(name, into);
              assertThat(into.position()).isEqualTo(5);
              float[] values = new float[into.remaining()];
              into.get(values);
              merged.put(name, values);
            });
    Map<String, Integer> changed = new HashMap<>();
    merged.forEach(
        (name, values) -> {
          String layer = name.replace(".weight", "");
          float[] weight = base.weights().floats(name);
          if (!adapter.weights().tensors().containsKey(Adapter.nameOfA(layer))) {
            assertThat(values).isEqualTo(weight);
            return;
          }
          changed.merge(AdapterConfig.target(layer), 1, Integer::sum);
          float[] a = adapter.weights().floats(Adapter.nameOfA(layer));
          float[] b = adapter.weights().floats(Adapter.nameOfB(layer));
          int inputs = a.length / 3;
          for (int i = 0; i < values.length; i++) {
            double sum = 0;
            for (int k = 0; k < 3; k++) {
              sum += (double) b[i / inputs * 3 + k] * a[k * inputs + i % inputs];
            }
            assertThat((double) values[i]).isEqualTo(weight[i] + 1.5 * sum, within(1e-7));
          }
        });
    assertThat(changed).isEqualTo(Map.of("k_proj", 2, "o_proj", 2, "up_proj", 2));
  }
}
