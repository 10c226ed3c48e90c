package polyphony.activities.lm;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;

/** PEFT folders of random adapters, and what they come to when they are merged into their base. */
public final class RandomAdapters {
  /** What an adapter of every linear layer names, in any architecture. */
  public static final List<String> ALL =
      List.of(
          "q_proj",
          "k_proj",
          "v_proj",
          "qkv_proj",
          "o_proj",
          "gate_proj",
          "up_proj",
          "gate_up_proj",
          "down_proj");

  private RandomAdapters() {}

  /**
   * {@code base} with an adapter that is written into {@code folder}. Neither matrix is 0, and what
   * is added is about as large as the weights are.
   *
   * @param targets those that the base does not have are left out
   */
  public static LanguageModel on(
      LanguageModel base, Path folder, int rank, double alpha, long seed, List<String> targets) {
    TreeSet<String> names = new TreeSet<>();
    for (String target : targets) {
      if (!base.config().linearLayers(List.of(target)).isEmpty()) {
        names.add(target);
      }
    }
    AdapterConfig config = new AdapterConfig(rank, alpha, 0, names);
    Random random = new Random(seed);
    Map<String, long[]> shapes = new TreeMap<>();
    Map<String, FloatBuffer> tensors = new LinkedHashMap<>();
    base.config()
        .linearLayers(names)
        .forEach(
            (layer, shape) -> {
              shapes.put(Adapter.nameOfA(layer), new long[] {rank, shape[1]});
              shapes.put(Adapter.nameOfB(layer), new long[] {shape[0], rank});
              // The product's entries have a standard deviation of about 0.1.
              float deviation = (float) Math.sqrt(0.1 / config.scale() / Math.sqrt(rank));
              tensors.put(Adapter.nameOfA(layer), values(random, rank * shape[1], deviation));
              tensors.put(Adapter.nameOfB(layer), values(random, shape[0] * rank, deviation));
            });
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve(Adapter.CONFIG), json(config).toPrettyString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Path file = folder.resolve(Adapter.WEIGHTS);
    Weights.write(file, tensors, shapes, Map.of("format", "pt"));
    return base.with(new Adapter(folder, config, Weights.open(file)));
  }

  private static ObjectNode json(AdapterConfig config) {
    ObjectNode json = new ObjectMapper().createObjectNode();
    json.put("peft_type", "LORA").put("task_type", "CAUSAL_LM");
    json.put("r", config.rank()).put("lora_alpha", config.alpha()).put("lora_dropout", 0.0);
    json.put("bias", "none").put("fan_in_fan_out", false).put("inference_mode", true);
    ArrayNode targets = json.putArray("target_modules");
    config.targets().forEach(targets::add);
    return json;
  }

  private static FloatBuffer values(Random random, long count, float deviation) {
    float[] values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return FloatBuffer.wrap(values);
  }

  /** The model in plain doubles: {@code W + scale B A}. */
  public static ReferenceDecoder reference(LanguageModel model) {
    ReferenceDecoder decoder = ReferenceDecoder.of(model.base());
    additions(model)
        .forEach(
            (layer, addition) -> {
              double[] weight = decoder.weights().get(layer + ".weight");
              for (int i = 0; i < weight.length; i++) {
                weight[i] += addition[i];
              }
            });
    return decoder;
  }

  /** A copy of the model whose adapter went into its weights, rounded to 32 bits once. */
  public static LanguageModel merged(LanguageModel model, Path folder) {
    Map<String, double[]> additions = additions(model);
    return ModelFiles.changed(
        model.base(),
        folder,
        (name, values) -> {
          double[] addition = additions.get(name.replaceFirst("\\.weight$", ""));
          for (int i = 0; addition != null && i < values.length; i++) {
            values[i] = (float) (values[i] + addition[i]);
          }
        });
  }

  private static Map<String, double[]> additions(LanguageModel model) {
    Map<String, double[]> additions = new LinkedHashMap<>();
    if (model.adapter().isEmpty()) {
      return additions;
    }
    Adapter adapter = model.adapter().get();
    int rank = adapter.config().rank();
    model
        .config()
        .linearLayers(adapter.config().targets())
        .forEach(
            (layer, shape) -> {
              float[] a = adapter.weights().floats(Adapter.nameOfA(layer));
              float[] b = adapter.weights().floats(Adapter.nameOfB(layer));
              int inputs = (int) shape[1];
              double[] sum = new double[(int) shape[0] * inputs];
              for (int i = 0; i < sum.length; i++) {
                for (int j = 0; j < rank; j++) {
                  sum[i] += (double) b[i / inputs * rank + j] * a[j * inputs + i % inputs];
                }
                sum[i] *= adapter.config().alpha() / rank;
              }
              additions.put(layer, sum);
            });
    return additions;
  }
}
