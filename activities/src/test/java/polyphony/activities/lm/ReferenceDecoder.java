package polyphony.activities.lm;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The decoder in plain doubles, one text at a time: what both emitters are held against. Weights
 * are mutable, so that a test can move a single entry and take central differences.
 *
 * @param weights by Hugging Face name; matrices row-major {@code [out, in]}
 */
public record ReferenceDecoder(DecoderConfig config, Map<String, double[]> weights) {

  public static ReferenceDecoder of(LanguageModel model) {
    Map<String, double[]> weights = new HashMap<>();
    for (String name : model.config().weightShapes().keySet()) {
      float[] values = model.weights().floats(name);
      double[] doubles = new double[values.length];
      for (int i = 0; i < values.length; i++) {
        doubles[i] = values[i];
      }
      weights.put(name, doubles);
    }
    return new ReferenceDecoder(model.config(), weights);
  }

  /** {@code [position][vocabulary]}: what follows each position. */
  public double[][] logits(int[] tokens) {
    double[][] hidden = hiddenStates(tokens);
    double[] head = weights.get(config.outputWeight());
    double[][] logits = new double[tokens.length][];
    for (int t = 0; t < tokens.length; t++) {
      logits[t] = multiply(head, hidden[t]);
      for (int i = 0; i < logits[t].length; i++) {
        logits[t][i] = capped(logits[t][i], config.logitCap());
      }
    }
    return logits;
  }

  private static double capped(double value, double cap) {
    return Double.isInfinite(cap) ? value : cap * Math.tanh(value / cap);
  }

  /** {@code [position][hiddenSize]}, after the final norm. */
  public double[][] hiddenStates(int[] tokens) {
    int length = tokens.length;
    int width = config.hiddenSize();
    double[] embedding = weights.get("model.embed_tokens.weight");
    double[][] x = new double[length][width];
    for (int t = 0; t < length; t++) {
      for (int i = 0; i < width; i++) {
        x[t][i] = embedding[tokens[t] * width + i] * config.embeddingScale();
      }
    }
    boolean outerNorms = config.block().outerNorms();
    for (int layer = 0; layer < config.layers(); layer++) {
      String block = "model.layers." + layer + ".";
      double[][] normed = normAll(x, block + "input_layernorm.weight");
      double[][] attended = attention(layer, block + "self_attn.", normed);
      if (outerNorms) {
        attended = normAll(attended, block + "post_attention_layernorm.weight");
      }
      for (int t = 0; t < length; t++) {
        add(x[t], attended[t]);
      }
      normed =
          normAll(
              x,
              block
                  + (outerNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm")
                  + ".weight");
      double[][] added = new double[length][];
      for (int t = 0; t < length; t++) {
        added[t] = feedForward(block + "mlp.", normed[t]);
      }
      if (outerNorms) {
        added = normAll(added, block + "post_feedforward_layernorm.weight");
      }
      for (int t = 0; t < length; t++) {
        add(x[t], added[t]);
      }
    }
    return normAll(x, "model.norm.weight");
  }

  /**
   * Mean negative log-likelihood, in nats, over all trained tokens of all examples together (so a
   * longer example weighs more).
   */
  public double loss(List<TrainingExample> examples) {
    double sum = 0;
    long count = 0;
    for (TrainingExample example : examples) {
      double[][] logits = logits(example.tokens());
      for (int t = 1; t < example.tokens().length; t++) {
        if (example.trained()[t]) {
          sum -= logSoftmax(logits[t - 1])[example.tokens()[t]];
          count++;
        }
      }
    }
    return sum / count;
  }

  public static double[] logSoftmax(double[] logits) {
    double greatest = Double.NEGATIVE_INFINITY;
    for (double logit : logits) {
      greatest = Math.max(greatest, logit);
    }
    double sum = 0;
    for (double logit : logits) {
      sum += Math.exp(logit - greatest);
    }
    double[] result = new double[logits.length];
    for (int i = 0; i < logits.length; i++) {
      result[i] = logits[i] - greatest - Math.log(sum);
    }
    return result;
  }

  private double[][] attention(int layer, String prefix, double[][] x) {
    int length = x.length;
    int size = config.headSize();
    int group = config.heads() / config.keyValueHeads();
    int window = config.attention().windows().get(layer);
    double[][] queries = new double[length][];
    double[][] keys = new double[length][];
    double[][] values = new double[length][];
    for (int t = 0; t < length; t++) {
      if (config.block().packed()) {
        double[] all = linear(prefix + "qkv_proj", x[t]);
        int first = config.heads() * size;
        int second = first + config.keyValueHeads() * size;
        queries[t] = Arrays.copyOfRange(all, 0, first);
        keys[t] = Arrays.copyOfRange(all, first, second);
        values[t] = Arrays.copyOfRange(all, second, all.length);
      } else {
        queries[t] = linear(prefix + "q_proj", x[t]);
        keys[t] = linear(prefix + "k_proj", x[t]);
        values[t] = linear(prefix + "v_proj", x[t]);
      }
      queries[t] = rotate(queries[t], t, length);
      keys[t] = rotate(keys[t], t, length);
    }
    double[][] result = new double[length][];
    for (int t = 0; t < length; t++) {
      double[] mixed = new double[config.heads() * size];
      int from = Math.max(0, t - window + 1);
      for (int head = 0; head < config.heads(); head++) {
        int shared = head / group;
        double[] scores = new double[t + 1 - from];
        for (int s = from; s <= t; s++) {
          double product = 0;
          for (int i = 0; i < size; i++) {
            product += queries[t][head * size + i] * keys[s][shared * size + i];
          }
          scores[s - from] = capped(product * config.attention().scale(), config.attention().cap());
        }
        double[] logShares = logSoftmax(scores);
        for (int s = from; s <= t; s++) {
          for (int i = 0; i < size; i++) {
            mixed[head * size + i] += Math.exp(logShares[s - from]) * values[s][shared * size + i];
          }
        }
      }
      result[t] = linear(prefix + "o_proj", mixed);
    }
    return result;
  }

  /** Rotary positions in the half-split layout: entry i turns together with entry i + half. */
  private double[] rotate(double[] heads, int position, int length) {
    int half = config.rotary().size() / 2;
    double[] frequencies = config.rotary().frequencies(config.rotary().regime(length));
    double magnitude = config.rotary().magnitude();
    double[] result = heads.clone();
    for (int start = 0; start < heads.length; start += config.headSize()) {
      for (int i = 0; i < half; i++) {
        double angle = config.rotary().angle(position, frequencies[i]);
        double a = magnitude * heads[start + i];
        double b = magnitude * heads[start + half + i];
        result[start + i] = a * Math.cos(angle) - b * Math.sin(angle);
        result[start + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return result;
  }

  private double[] feedForward(String prefix, double[] x) {
    double[] gate;
    double[] up;
    if (config.block().packed()) {
      double[] both = linear(prefix + "gate_up_proj", x);
      gate = Arrays.copyOf(both, both.length / 2);
      up = Arrays.copyOfRange(both, both.length / 2, both.length);
    } else {
      gate = linear(prefix + "gate_proj", x);
      up = linear(prefix + "up_proj", x);
    }
    for (int i = 0; i < gate.length; i++) {
      double g = gate[i];
      double activated =
          switch (config.block().activation()) {
            case SILU -> g / (1 + Math.exp(-g));
            case GELU_TANH ->
                g / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g)));
          };
      gate[i] = activated * up[i];
    }
    return linear(prefix + "down_proj", gate);
  }

  private double[][] normAll(double[][] x, String name) {
    double[] scale = weights.get(name);
    double[][] result = new double[x.length][];
    for (int t = 0; t < x.length; t++) {
      double squares = 0;
      for (double value : x[t]) {
        squares += value * value;
      }
      double factor = 1 / Math.sqrt(squares / x[t].length + config.normEpsilon());
      result[t] = new double[x[t].length];
      for (int i = 0; i < x[t].length; i++) {
        result[t][i] = x[t][i] * factor * (config.block().normOffset() + scale[i]);
      }
    }
    return result;
  }

  private double[] linear(String name, double[] x) {
    double[] result = multiply(weights.get(name + ".weight"), x);
    if (weights.containsKey(name + ".bias")) {
      add(result, weights.get(name + ".bias"));
    }
    return result;
  }

  private static double[] multiply(double[] matrix, double[] vector) {
    double[] result = new double[matrix.length / vector.length];
    for (int row = 0; row < result.length; row++) {
      for (int i = 0; i < vector.length; i++) {
        result[row] += matrix[row * vector.length + i] * vector[i];
      }
    }
    return result;
  }

  private static void add(double[] sum, double[] addend) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += addend[i];
    }
  }
}
