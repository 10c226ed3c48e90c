package polyphony.activities.lm;

import java.nio.file.Path;

/**
 * What one agent adds to a base model: a PEFT folder whose files were checked against each other
 * and against the base. The folder must not change while this is in use.
 *
 * @param folder holds adapter_config.json and adapter_model.safetensors
 * @param weights float tensors by PEFT's names; see {@link #nameOfA} and {@link #nameOfB}
 */
public record Adapter(Path folder, AdapterConfig config, Weights weights) {
  /** Its configuration's file name. */
  public static final String CONFIG = "adapter_config.json";

  /** Its weights' file name. */
  public static final String WEIGHTS = "adapter_model.safetensors";

  /**
   * PEFT's name of the {@code [rank, in]} matrix of a linear layer.
   *
   * @param layer name in the base without {@code .weight}, such as {@code
   *     model.layers.0.self_attn.q_proj}
   */
  public static String nameOfA(String layer) {
    return "base_model.model." + layer + ".lora_A.weight";
  }

  /** PEFT's name of the {@code [out, rank]} matrix of a linear layer. */
  public static String nameOfB(String layer) {
    return "base_model.model." + layer + ".lora_B.weight";
  }
}
