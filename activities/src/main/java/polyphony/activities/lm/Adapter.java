package polyphony.activities.lm;

import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import polyphony.storage.PolyphonyException;

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

  /**
   * Checks that a folder to be used as a model has no adapter beside it, which would be left out.
   *
   * @throws PolyphonyException CONFIG where it has
   */
  public static void requireNone(Path folder) {
    if (Files.exists(folder.resolve(CONFIG))) {
      throw PolyphonyException.config(
          folder
              + " holds an adapter ("
              + CONFIG
              + "): polyphony model import takes it with --base, and the model that it is for; or"
              + " take that file away to use a model without it");
    }
  }

  /**
   * Opens and checks a PEFT folder.
   *
   * @param base what the adapter is for
   * @throws PolyphonyException DATA with what is missing, wrong or of another base
   */
  public static Adapter open(Path folder, DecoderConfig base) {
    for (String file : new String[] {CONFIG, WEIGHTS}) {
      if (!Files.isRegularFile(folder.resolve(file))) {
        throw PolyphonyException.data(
            "adapter folder " + folder + " has no " + file + "; save the adapter with PEFT again");
      }
    }
    AdapterConfig config = AdapterConfig.read(folder.resolve(CONFIG), base);
    return new Adapter(folder, config, openWeights(folder.resolve(WEIGHTS), config, base));
  }

  /**
   * Opens an adapter's weights and checks that they are those of {@code config}.
   *
   * @throws PolyphonyException DATA where they are not
   */
  public static Weights openWeights(Path file, AdapterConfig config, DecoderConfig base) {
    Weights weights = Weights.open(file);
    Map<String, long[]> shapes = config.weightShapes(base);
    shapes.forEach((name, shape) -> LanguageModel.requireShape(file, weights, name, shape, CONFIG));
    for (String name : weights.tensors().keySet()) {
      if (!shapes.containsKey(name)) {
        throw PolyphonyException.data(
            file + ": has a tensor " + name + ", which " + CONFIG + " and the base do not imply");
      }
    }
    return weights;
  }

  /**
   * Adds {@code scale * B A} of a linear layer to its weight, in double precision; does nothing
   * where the layer is no target.
   *
   * @param layer its name in the base without {@code .weight}
   * @param weight {@code [out, in]}, row-major; its position does not move
   */
  void merge(String layer, FloatBuffer weight) {
    if (!weights.tensors().containsKey(nameOfA(layer))) {
      return;
    }
    float[] a = weights.floats(nameOfA(layer));
    float[] b = weights.floats(nameOfB(layer));
    int rank = config.rank();
    int inputs = a.length / rank;
    double[] sums = new double[inputs];
    float[] row = new float[inputs];
    for (int output = 0; output < b.length / rank; output++) {
      weight.get(weight.position() + output * inputs, row);
      for (int i = 0; i < inputs; i++) {
        sums[i] = row[i];
      }
      for (int k = 0; k < rank; k++) {
        double factor = config.scale() * b[output * rank + k];
        for (int i = 0; i < inputs; i++) {
          sums[i] += factor * a[k * inputs + i];
        }
      }
      for (int i = 0; i < inputs; i++) {
        row[i] = (float) sums[i];
      }
      weight.put(weight.position() + output * inputs, row);
    }
  }
}
