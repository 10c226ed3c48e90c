package polyphony.activities.lm;

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
    double[] head =
        weights.get(config.tiedEmbeddings() ? "model.embed_tokens.weight" : "lm_head.weight");
    double[][] logits = new double[tokens.length][];
    for (int t = 0; t < tokens.length; t++) {
      logits[t] = multiply(head, hidden[t]);
    }
    return logits;
  }

  /** {@code [position][hiddenSize]}, after the final norm. */
  public double[][] hiddenStates(int[] tokens) {
    int length = tokens.length;
    int width = config.hiddenSize();
    double[] embedding = weights.get("model.embed_tokens.weight");
    double[][] x = new double[length][width];
    for (int t = 0; t < length; t++) {
      System.arraycopy(embedding, tokens[t] * width, x[t], 0, width);
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      String block = "model.layers." + layer + ".";
      double[][] normed = normAll(x, block + "input_layernorm.weight");
      double[][] attended = attention(block + "self_attn.", normed);
      for (int t = 0; t < length; t++) {
        add(x[t], attended[t]);
      }
      normed = normAll(x, block + "post_attention_layernorm.weight");
      for (int t = 0; t < length; t++) {
        add(x[t], feedForward(block + "mlp.", normed[t]));
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

  private double[][] attention(String prefix, double[][] x) {
    int length = x.length;
    int size = config.headSize();
    int group = config.heads() / config.keyValueHeads();
    double[][] queries = new double[length][];
    double[][] keys = new double[length][];
    double[][] values = new double[length][];
    for (int t = 0; t < length; t++) {
      queries[t] = rotate(multiply(weights.get(prefix + "q_proj.weight"), x[t]), t);
      keys[t] = rotate(multiply(weights.get(prefix + "k_proj.weight"), x[t]), t);
      values[t] = multiply(weights.get(prefix + "v_proj.weight"), x[t]);
    }
    double[][] result = new double[length][];
    for (int t = 0; t < length; t++) {
      double[] mixed = new double[config.heads() * size];
      for (int head = 0; head < config.heads(); head++) {
        int shared = head / group;
        double[] scores = new double[t + 1];
        for (int s = 0; s <= t; s++) {
          for (int i = 0; i < size; i++) {
            scores[s] += queries[t][head * size + i] * keys[s][shared * size + i];
          }
          scores[s] /= Math.sqrt(size);
        }
        double[] logShares = logSoftmax(scores);
        for (int s = 0; s <= t; s++) {
          for (int i = 0; i < size; i++) {
            mixed[head * size + i] += Math.exp(logShares[s]) * values[s][shared * size + i];
          }
        }
      }
      result[t] = multiply(weights.get(prefix + "o_proj.weight"), mixed);
    }
    return result;
  }

  /** Rotary positions in the half-split layout: entry i turns together with entry i + size / 2. */
  private double[] rotate(double[] heads, int position) {
    int size = config.headSize();
    int half = size / 2;
    double[] result = new double[heads.length];
    for (int start = 0; start < heads.length; start += size) {
      for (int i = 0; i < half; i++) {
        double angle = position * Math.pow(config.ropeTheta(), -2.0 * i / size);
        double a = heads[start + i];
        double b = heads[start + half + i];
        result[start + i] = a * Math.cos(angle) - b * Math.sin(angle);
        result[start + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return result;
  }

  private double[] feedForward(String prefix, double[] x) {
    double[] gate = multiply(weights.get(prefix + "gate_proj.weight"), x);
    double[] up = multiply(weights.get(prefix + "up_proj.weight"), x);
    for (int i = 0; i < gate.length; i++) {
      gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
    }
    return multiply(weights.get(prefix + "down_proj.weight"), gate);
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
        result[t][i] = x[t][i] * factor * scale[i];
      }
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
