package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static polyphony.activities.lm.DecoderConfig.WHOLE_TEXT;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class DecoderConfigTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  /** The sizes and further fields of a {@code config.json}, in JSON. */
  private DecoderConfig read(String architecture, String fields) {
    try {
      ObjectNode json = JSON.createObjectNode();
      json.putArray("architectures").add(architecture);
      json.setAll((ObjectNode) JSON.readTree("{" + fields + "}"));
      Path file = folder.resolve("config.json");
      JSON.writeValue(file.toFile(), json);
      return DecoderConfig.read(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "LlamaForCausalLM, 32000, 4096, 32, 32, 11008, 128, 1e-6, 2048, false, -1",
    "MistralForCausalLM, 32000, 4096, 32, 8, 14336, 128, 1e-6, 131072, false, -1",
    "Phi3ForCausalLM, 32064, 3072, 32, 32, 8192, 96, 1e-5, 4096, false, 32000",
    "Qwen2ForCausalLM, 151936, 4096, 32, 32, 22016, 128, 1e-6, 32768, false, -1",
    "Gemma2ForCausalLM, 256000, 2304, 8, 4, 9216, 256, 1e-6, 8192, true, 0",
  })
  void whatIsLeftOutHasTheDefaultOfTheArchitecture(
      String architecture,
      int vocabulary,
      int hidden,
      int heads,
      int keyValueHeads,
      int intermediate,
      int headSize,
      double epsilon,
      int maxPositions,
      boolean tied,
      int paddingToken) {
    DecoderConfig config = read(architecture, "");

    assertThat(config.vocabularySize()).isEqualTo(vocabulary);
    assertThat(config.hiddenSize()).isEqualTo(hidden);
    assertThat(config.heads()).isEqualTo(heads);
    assertThat(config.keyValueHeads()).isEqualTo(keyValueHeads);
    assertThat(config.intermediateSize()).isEqualTo(intermediate);
    assertThat(config.headSize()).isEqualTo(headSize);
    assertThat(config.normEpsilon()).isEqualTo(epsilon);
    assertThat(config.maxPositions()).isEqualTo(maxPositions);
    assertThat(config.tiedEmbeddings()).isEqualTo(tied);
    assertThat(config.paddingToken()).isEqualTo(paddingToken);
    assertThat(config.rotary().theta()).isEqualTo(10000);
  }

  @Test
  void windowsFollowTheArchitecturesOwnRules() {
    String three = "\"num_hidden_layers\": 3";
    assertThat(read("LlamaForCausalLM", three).attention().windows()).containsOnly(WHOLE_TEXT);
    assertThat(read("MistralForCausalLM", three).attention().windows()).containsOnly(4096);
    assertThat(
            read("MistralForCausalLM", three + ", \"sliding_window\": null").attention().windows())
        .containsOnly(WHOLE_TEXT);
    assertThat(read("Phi3ForCausalLM", three).attention().windows()).containsOnly(WHOLE_TEXT);
    assertThat(read("Phi3ForCausalLM", three + ", \"sliding_window\": 7").attention().windows())
        .containsOnly(7);
    assertThat(read("Qwen2ForCausalLM", three + ", \"max_window_layers\": 1").attention().windows())
        .containsOnly(WHOLE_TEXT);
    assertThat(
            read(
                    "Qwen2ForCausalLM",
                    three + ", \"max_window_layers\": 1, \"use_sliding_window\": true")
                .attention()
                .windows())
        .containsExactly(WHOLE_TEXT, 4096, 4096);
    assertThat(read("Gemma2ForCausalLM", three).attention().windows())
        .containsExactly(4096, WHOLE_TEXT, 4096);
    assertThat(
            read(
                    "Gemma2ForCausalLM",
                    three
                        + ", \"layer_types\": [\"full_attention\", \"full_attention\","
                        + " \"sliding_attention\"]")
                .attention()
                .windows())
        .containsExactly(WHOLE_TEXT, WHOLE_TEXT, 4096);
  }

  @Test
  void gemmasNumbersAreRead() {
    DecoderConfig config =
        read(
            "Gemma2ForCausalLM",
            "\"query_pre_attn_scalar\": 16, \"final_logit_softcapping\": null");

    assertThat(config.attention().scale()).isEqualTo(0.25);
    assertThat(config.attention().cap()).isEqualTo(50);
    assertThat(config.logitCap()).isInfinite();
    assertThat(config.embeddingScale()).isCloseTo(48, within(1e-9));
    assertThat(config.block().normOffset()).isEqualTo(1);
  }

  @Test
  void theModelTypeDecidesWhateverTheHeadWas() {
    assertThat(read("Llama", "\"model_type\": \"mistral\", \"architectures\": [\"MistralModel\"]"))
        .isEqualTo(read("MistralForCausalLM", ""));
  }

  @Test
  void biasesOfTheAttentionAreThoseThatTheArchitectureReads() {
    String yes = "\"attention_bias\": true";
    String no = "\"attention_bias\": false";
    assertThat(read("LlamaForCausalLM", yes).block().outputBias()).isTrue();
    assertThat(read("MistralForCausalLM", yes)).isEqualTo(read("MistralForCausalLM", ""));
    assertThat(read("Phi3ForCausalLM", yes)).isEqualTo(read("Phi3ForCausalLM", ""));
    for (String fields : new String[] {"", yes, no}) {
      assertThat(read("Qwen2ForCausalLM", fields).block().queryKeyValueBias()).isTrue();
      assertThat(read("Qwen2ForCausalLM", fields).block().outputBias()).isFalse();
    }
  }

  @Test
  void theBaseGrowsWithTheLengthOfATextBeyondTheContext() {
    RotaryPositions rotary =
        read(
                "LlamaForCausalLM",
                "\"head_dim\": 4, \"max_position_embeddings\": 8, \"rope_theta\": 100,"
                    + " \"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 3}")
            .rotary();

    assertThat(rotary.at(8).frequencies(0)).containsExactly(new double[] {1, 0.1}, within(1e-12));
    // 3 * 12 / 8 - 2 = 2.5, squared: the base is 625.
    assertThat(rotary.at(12).frequencies(0)).containsExactly(new double[] {1, 0.04}, within(1e-12));
    assertThat(rotary.at(12).singlePrecision()).isFalse();
    assertThat(rotary.at(1025).singlePrecision()).isTrue();
  }

  @Test
  void newerFilesHoldRotaryPositionsInOneObject() {
    assertThat(
            read(
                "LlamaForCausalLM",
                "\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 2, \"rope_theta\":"
                    + " 5e5}"))
        .isEqualTo(
            read(
                "LlamaForCausalLM",
                "\"rope_theta\": 5e5, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}"));
  }

  @Test
  void longTextsHaveFactorsOfTheirOwn() {
    RotaryPositions rotary =
        read(
                "Phi3ForCausalLM",
                "\"hidden_size\": 8, \"num_attention_heads\": 2, \"max_position_embeddings\": 64,"
                    + "\"original_max_position_embeddings\": 16, \"rope_scaling\": {\"type\":"
                    + " \"su\", \"rope_type\": \"longrope\", \"short_factor\": [1, 2],"
                    + " \"long_factor\": [4, 5]}")
            .rotary();

    assertThat(rotary.regime(16)).isEqualTo(0);
    assertThat(rotary.regime(17)).isEqualTo(1);
    assertThat(rotary.longest(3)).isEqualTo(16);
    assertThat(rotary.longest(17)).isEqualTo(Integer.MAX_VALUE);
    assertThat(rotary.frequencies(0)).containsExactly(new double[] {1, 0.005}, within(1e-12));
    assertThat(rotary.frequencies(1)).containsExactly(new double[] {0.25, 0.002}, within(1e-12));
    assertThat(rotary.magnitude()).isCloseTo(Math.sqrt(1.5), within(1e-12));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Llama | \"architectures\": [\"LlamaForCausalLM\", \"MistralForCausalLM\"] | not supported",
        "Llama | \"architectures\": [\"elsewhere\"] | not supported",
        "Llama | \"architectures\": [\"Gemma3ForCausalLM\"] | Gemma3ForCausalLM",
        "Llama | \"model_type\": \"mistral\" | model_type",
        "Llama | \"model_type\": \"gemma3\" | gemma3",
        "Llama | \"model_type\": 5 | model_type",
        "Llama | \"model_type\": \"llama\", \"architectures\": [\"LlamaForSequenceClassification\"] |"
            + " LlamaForSequenceClassification",
        "Llama | \"architectures\": [\"LlamaModel\"] | LlamaModel",
        "Llama | \"architectures\": null | not supported",
        "Llama | \"hidden_act\": \"gelu\" | hidden_act",
        "Llama | \"hidden_act\": \"gelu_pytorch_tanh\" | hidden_act",
        "Llama | \"hidden_act\": null | hidden_act",
        "Llama | \"quantization_config\": {\"bits\": 4} | quantization_config",
        "Llama | \"attention_multiplier\": 0.1 | attention_multiplier",
        "Llama | \"embedding_multiplier\": 12.0 | embedding_multiplier",
        "Llama | \"logits_scaling\": 8 | logits_scaling",
        "Llama | \"partial_rotary_factor\": 0.5 | partial_rotary_factor",
        "Llama | \"sliding_window\": 64 | sliding_window",
        "Llama | \"use_sliding_window\": true | use_sliding_window",
        "Llama | \"layer_types\": [\"sliding_attention\"] | layer_types",
        "Llama | \"attention_chunk_size\": 64 | attention_chunk_size",
        "Llama | \"final_logit_softcapping\": 30 | final_logit_softcapping",
        "Llama | \"use_qk_norm\": true | use_qk_norm",
        "Llama | \"is_causal\": false | is_causal",
        "Llama | \"num_local_experts\": 8 | num_local_experts",
        "Llama | \"vision_config\": {\"depth\": 2} | vision_config",
        "Llama | \"attention_bias\": \"yes\" | attention_bias",
        "Llama | \"mlp_bias\": 1 | mlp_bias",
        "Llama | \"pad_token_id\": 32000 | pad_token_id",
        "Llama | \"pad_token_id\": [1] | pad_token_id",
        "Llama | \"head_dim\": 5 | head_dim",
        "Llama | \"num_attention_heads\": 4096, \"hidden_size\": 4095 | head_dim",
        "Llama | \"rope_theta\": 0 | rope_theta",
        "Llama | \"rope_scaling\": \"linear\" | rope_scaling",
        "Llama | \"rope_scaling\": {\"factor\": 2} | rope_scaling",
        "Llama | \"rope_scaling\": {\"type\": \"yarn\"} | rope_scaling.factor",
        "Llama | \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2, \"truncate\": 1} | truncate",
        "Llama | \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2, \"mscale\": -1,"
            + " \"mscale_all_dim\": 1} | rope_scaling.mscale",
        "Llama | \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2, \"beta_fast\": 0.5} |"
            + " beta_fast",
        "Phi3 | \"rope_scaling\": {\"type\": \"linear\", \"rope_type\": \"yarn\"} | rope_type",
        "Llama | \"rope_scaling\": {\"type\": \"mrope\"} | mrope",
        "Llama | \"rope_scaling\": {\"type\": \"longrope\"} | longrope",
        "Llama | \"rope_scaling\": {\"type\": \"linear\"} | rope_scaling.factor",
        "Llama | \"rope_scaling\": {\"type\": \"linear\", \"factor\": -1} | rope_scaling.factor",
        "Llama | \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2, \"x\": 1} | rope_scaling.x",
        "Llama | \"rope_scaling\": {\"type\": \"linear\", \"rope_type\": \"dynamic\"} | rope_type",
        "Llama | \"rope_scaling\": {\"type\": \"llama3\", \"factor\": 2} | low_freq_factor",
        "Llama | \"rope_scaling\": {\"type\": \"llama3\", \"factor\": 2, \"low_freq_factor\": 4,"
            + " \"high_freq_factor\": 4, \"original_max_position_embeddings\": 8} |"
            + " high_freq_factor",
        "Llama | \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"default\"}} |"
            + " rope_parameters",
        "Llama | \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 5},"
            + " \"rope_theta\": 6 | rope_theta",
        "Llama | \"rope_parameters\": {\"rope_type\": \"default\"}, \"rope_scaling\": {\"type\":"
            + " \"linear\", \"factor\": 2} | rope_scaling",
        "Mistral | \"sliding_window\": 0 | sliding_window",
        "Mistral | \"num_hidden_layers\": 1, \"layer_types\": [\"full_attention\"] | layer_types",
        "Mistral | \"num_attention_heads\": 4 | num_key_value_heads",
        "Phi3 | \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2} | linear",
        "Phi3 | \"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1],"
            + " \"long_factor\": [1]} | short_factor",
        "Phi3 | \"rope_scaling\": {\"type\": \"su\", \"rope_type\": \"default\"} | rope_type",
        "Phi3 | \"partial_rotary_factor\": 1.5 | partial_rotary_factor",
        "Phi3 | \"partial_rotary_factor\": 0.01 | partial_rotary_factor",
        "Qwen2 | \"num_hidden_layers\": 1, \"layer_types\": [\"sliding_attention\"] |"
            + " sliding_window",
        "Qwen2 | \"num_hidden_layers\": 1, \"layer_types\": [\"chunked_attention\"] | layer_types",
        "Qwen2 | \"num_hidden_layers\": 2, \"layer_types\": [\"full_attention\"] | layer_types",
        "Qwen2 | \"use_mrope\": true | use_mrope",
        "Gemma2 | \"hidden_activation\": \"gelu\" | hidden_activation",
        "Gemma2 | \"hidden_activation\": null | hidden_activation",
        "Gemma2 | \"sliding_window\": null | sliding_window",
        "Gemma2 | \"query_pre_attn_scalar\": 0 | query_pre_attn_scalar",
        "Gemma2 | \"attn_logit_softcapping\": -1 | attn_logit_softcapping",
        "Gemma2 | \"use_bidirectional_attention\": true | use_bidirectional_attention",
      })
  void whatWouldBeComputedWronglyIsRefusedByName(String family, String fields, String named) {
    assertThatThrownBy(() -> read(family + "ForCausalLM", fields))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContainingAll("config.json", named)
        .hasMessageNotContaining("\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Llama | \"quantization_config\": null, \"attention_multiplier\": null",
        "Llama | \"partial_rotary_factor\": 1, \"use_sliding_window\": false, \"is_causal\": true",
        "Llama | \"pretraining_tp\": 2, \"torch_dtype\": \"bfloat16\", \"use_cache\": false",
        "Llama | \"rope_scaling\": null, \"head_dim\": null, \"pad_token_id\": -1",
        "Llama | \"hidden_act\": \"swish\", \"pruned_heads\": {}, \"mlp_bias\": null",
        "Llama | \"rope_scaling\": {\"rope_type\": \"default\"}, \"_name_or_path\": \"x\"",
        "Gemma2 | \"hidden_act\": \"gelu_pytorch_tanh\", \"cache_implementation\": \"hybrid\"",
        "Llama | \"model_type\": \"llama\", \"architectures\": null",
        "Llama | \"model_type\": \"llama\", \"architectures\": []",
        "Llama | \"model_type\": \"llama\", \"architectures\": [\"LlamaModel\"]",
        "Mistral | \"attention_bias\": true",
        "Phi3 | \"attention_bias\": true",
        "Phi3 | \"auto_map\": {\"AutoConfig\": \"x\"}, \"vocab_size\": 100",
      })
  void whatChangesNothingIsAccepted(String family, String fields) {
    assertThat(read(family + "ForCausalLM", fields).untrainable().isPresent())
        .isEqualTo(family.equals("Gemma2"));
  }

  @Test
  void aModelThatIsToBeTrainedWithDropoutCanOnlyBeRun() {
    assertThat(read("LlamaForCausalLM", "\"attention_dropout\": 0.1").untrainable().orElseThrow())
        .contains("attention_dropout");
    assertThat(read("Phi3ForCausalLM", "\"resid_pdrop\": 0.1").untrainable().orElseThrow())
        .contains("resid_pdrop");
    assertThat(read("Gemma2ForCausalLM", "").untrainable().orElseThrow())
        .contains("Gemma2ForCausalLM");
  }
}
