package polyphony.activities.lm.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Map;
import polyphony.activities.lm.DecoderConfig;

/**
 * The decoder in single DJL operations, in the textbook's order and without any of {@link
 * DecoderScript}'s rearrangements: its oracle for gradients.
 */
record PlainDecoder(DecoderConfig config, Map<String, ? extends NDArray> weights) {

  /** The sum of the negative log-likelihoods of the batch's targets. */
  NDArray loss(NDManager manager, MicroBatch batch) {
    NDArray x = hidden(manager, batch);
    NDArray head =
        weights.get(config.tiedEmbeddings() ? "model.embed_tokens.weight" : "lm_head.weight");
    NDArray logLikelihoods = x.matMul(head.transpose()).logSoftmax(-1);
    float[] chosen = new float[batch.rows() * batch.length() * config.vocabularySize()];
    for (int i = 0; i < batch.targets().length; i++) {
      chosen[(int) (batch.positions()[i] * config.vocabularySize() + batch.targets()[i])] = 1;
    }
    return logLikelihoods.mul(manager.create(chosen, logLikelihoods.getShape())).sum().neg();
  }

  private NDArray hidden(NDManager manager, MicroBatch batch) {
    int rows = batch.rows();
    int length = batch.length();
    float[] oneHot = new float[rows * length * config.vocabularySize()];
    for (int i = 0; i < batch.tokens().length; i++) {
      oneHot[i * config.vocabularySize() + (int) batch.tokens()[i]] = 1;
    }
    NDArray x =
        manager
            .create(oneHot, new Shape((long) rows * length, config.vocabularySize()))
            .matMul(weights.get("model.embed_tokens.weight"));
    for (int layer = 0; layer < config.layers(); layer++) {
      String block = "model.layers." + layer + ".";
      NDArray normed = norm(x, block + "input_layernorm.weight");
      NDArray mixed = attention(manager, block + "self_attn.", normed, rows, length);
      x = x.add(linear(mixed, block + "self_attn.o_proj.weight"));
      normed = norm(x, block + "post_attention_layernorm.weight");
      NDArray gate = linear(normed, block + "mlp.gate_proj.weight");
      NDArray up = linear(normed, block + "mlp.up_proj.weight");
      NDArray silu = gate.div(gate.neg().exp().add(1));
      x = x.add(linear(silu.mul(up), block + "mlp.down_proj.weight"));
    }
    return norm(x, "model.norm.weight");
  }

  private NDArray attention(NDManager manager, String prefix, NDArray x, int rows, int length) {
    int size = config.headSize();
    int group = config.heads() / config.keyValueHeads();
    NDArray queries =
        rotate(manager, heads(linear(x, prefix + "q_proj.weight"), rows, length, config.heads()));
    NDArray keys =
        rotate(
            manager,
            heads(linear(x, prefix + "k_proj.weight"), rows, length, config.keyValueHeads()));
    NDArray values =
        heads(linear(x, prefix + "v_proj.weight"), rows, length, config.keyValueHeads());
    NDArray scores =
        queries
            .matMul(keys.repeat(1, group).transpose(0, 1, 3, 2))
            .div((float) Math.sqrt(size))
            .add(causal(manager, length));
    return scores
        .softmax(-1)
        .matMul(values.repeat(1, group))
        .transpose(0, 2, 1, 3)
        .reshape((long) rows * length, (long) config.heads() * size);
  }

  private NDArray heads(NDArray x, int rows, int length, int heads) {
    return x.reshape(rows, length, heads, config.headSize()).transpose(0, 2, 1, 3);
  }

  private static NDArray causal(NDManager manager, int length) {
    float[] mask = new float[length * length];
    for (int i = 0; i < length; i++) {
      for (int j = i + 1; j < length; j++) {
        mask[i * length + j] = Float.NEGATIVE_INFINITY;
      }
    }
    return manager.create(mask, new Shape(length, length));
  }

  private NDArray rotate(NDManager manager, NDArray x) {
    int length = (int) x.getShape().get(2);
    int half = config.headSize() / 2;
    float[] cosines = new float[length * half];
    float[] sines = new float[length * half];
    for (int position = 0; position < length; position++) {
      for (int i = 0; i < half; i++) {
        double angle = position * Math.pow(config.ropeTheta(), -2.0 * i / config.headSize());
        cosines[position * half + i] = (float) Math.cos(angle);
        sines[position * half + i] = (float) Math.sin(angle);
      }
    }
    NDArray cosine = manager.create(cosines, new Shape(length, half));
    NDArray sine = manager.create(sines, new Shape(length, half));
    NDArray a = x.get(new NDIndex("..., :{}", half));
    NDArray b = x.get(new NDIndex("..., {}:", half));
    return NDArrays.concat(
        new NDList(a.mul(cosine).sub(b.mul(sine)), b.mul(cosine).add(a.mul(sine))), -1);
  }

  private NDArray norm(NDArray x, String name) {
    NDArray meanSquare = x.mul(x).mean(new int[] {-1}, true);
    return x.div(meanSquare.add((float) config.normEpsilon()).sqrt()).mul(weights.get(name));
  }

  private NDArray linear(NDArray x, String name) {
    return x.matMul(weights.get(name).toType(DataType.FLOAT32, false).transpose());
  }
}
