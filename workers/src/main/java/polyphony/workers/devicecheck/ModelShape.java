package polyphony.workers.devicecheck;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * A model's configuration, without what ends a turn: every row that is sampled has the same length.
 *
 * @param name also of its folder
 */
record ModelShape(String name, ObjectNode config) {
  /** One of each way in which the supported architectures differ where a device might, too. */
  static final List<ModelShape> VARIATIONS =
      List.of(
          of(
              "Llama",
              """
              {"architectures": ["LlamaForCausalLM"], "vocab_size": 512, "hidden_size": 128,
               "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 8,
               "num_key_value_heads": 2, "max_position_embeddings": 4096}
              """),
          of(
              "Qwen2",
              """
              {"architectures": ["Qwen2ForCausalLM"], "vocab_size": 512, "hidden_size": 128,
               "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 8,
               "num_key_value_heads": 4, "max_position_embeddings": 4096,
               "tie_word_embeddings": true}
              """),
          of(
              "Phi-3",
              """
              {"architectures": ["Phi3ForCausalLM"], "vocab_size": 512, "hidden_size": 128,
               "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 8,
               "num_key_value_heads": 8, "max_position_embeddings": 4096,
               "original_max_position_embeddings": 4096, "pad_token_id": 0}
              """));

  /** For the reduced measurements. */
  static final ModelShape SMALL =
      of(
          "small",
          """
          {"architectures": ["LlamaForCausalLM"], "vocab_size": 2048, "hidden_size": 256,
           "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4,
           "num_key_value_heads": 2, "max_position_embeddings": 4096}
          """);

  /** Llama-3.2-1B's. */
  static final ModelShape ONE_BILLION =
      of(
          "1B",
          """
          {"architectures": ["LlamaForCausalLM"], "vocab_size": 128256, "hidden_size": 2048,
           "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
           "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072,
           "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": true,
           "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
             "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}
          """);

  /** Llama-3.1-8B's. */
  static final ModelShape EIGHT_BILLION =
      of(
          "8B",
          """
          {"architectures": ["LlamaForCausalLM"], "vocab_size": 128256, "hidden_size": 4096,
           "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
           "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072,
           "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
           "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
             "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}
          """);

  private static ModelShape of(String name, String config) {
    try {
      return new ModelShape(name, PartProcess.JSON.readValue(config, ObjectNode.class));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(name + "'s configuration is no JSON", e);
    }
  }
}
