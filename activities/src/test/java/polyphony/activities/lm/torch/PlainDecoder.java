package polyphony.activities.lm.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
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
    NDArray head = weights.get(config.outputWeight());
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
    float[] trained = new float[rows * length * config.vocabularySize()];
    float[] padding = new float[trained.length];
    for (int i = 0; i < batch.tokens().length; i++) {
      int token = (int) batch.tokens()[i];
      (token == config.paddingToken() ? padding : trained)[i * config.vocabularySize() + token] = 1;
    }
    Shape shape = new Shape((long) rows * length, config.vocabularySize());
    NDArray embedding = weights.get("model.embed_tokens.weight");
    NDArray x =
        manager
            .create(trained, shape)
            .matMul(embedding)
            .add(manager.create(padding, shape).matMul(embedding.stopGradient()));
    for (int layer = 0; layer < config.layers(); layer++) {
      String block = "model.layers." + layer + ".";
      NDArray normed = norm(x, block + "input_layernorm.weight");
      NDArray mixed = attention(manager, layer, block + "self_attn.", normed, batch);
      x = x.add(linear(mixed, block + "self_attn.o_proj"));
      normed = norm(x, block + "post_attention_layernorm.weight");
      NDList gateAndUp =
          config.block().packed()
              ? linear(normed, block + "mlp.gate_up_proj").split(2, 1)
              : new NDList(
                  linear(normed, block + "mlp.gate_proj"), linear(normed, block + "mlp.up_proj"));
      NDArray gate = gateAndUp.get(0);
      NDArray silu = gate.div(gate.neg().exp().add(1));
      x = x.add(linear(silu.mul(gateAndUp.get(1)), block + "mlp.down_proj"));
    }
    return norm(x, "model.norm.weight");
  }

  private NDArray attention(
      NDManager manager, int layer, String prefix, NDArray x, MicroBatch batch) {
    int rows = batch.rows();
    int length = batch.length();
    int size = config.headSize();
    int group = config.heads() / config.keyValueHeads();
    NDList projected =
        config.block().packed()
            ? linear(x, prefix + "qkv_proj")
                .split(
                    new long[] {
                      (long) config.heads() * size,
                      (long) (config.heads() + config.keyValueHeads()) * size
                    },
                    1)
            : new NDList(
                linear(x, prefix + "q_proj"),
                linear(x, prefix + "k_proj"),
                linear(x, prefix + "v_proj"));
    NDArray queries = rotate(manager, heads(projected.get(0), rows, length, config.heads()), batch);
    NDArray keys =
        rotate(manager, heads(projected.get(1), rows, length, config.keyValueHeads()), batch);
    NDArray values = heads(projected.get(2), rows, length, config.keyValueHeads());
    NDArray scores =
        queries
            .matMul(keys.repeat(1, group).transpose(0, 1, 3, 2))
            .mul((float) config.attention().scale())
            .add(hidden(manager, length, config.attention().windows().get(layer)));
    return scores
        .softmax(-1)
        .matMul(values.repeat(1, group))
        .transpose(0, 2, 1, 3)
        .reshape((long) rows * length, (long) config.heads() * size);
  }

  private NDArray heads(NDArray x, int rows, int length, int heads) {
    return x.reshape(rows, length, heads, config.headSize()).transpose(0, 2, 1, 3);
  }

  private static NDArray hidden(NDManager manager, int length, int window) {
    float[] mask = new float[length * length];
    for (int i = 0; i < length; i++) {
      for (int j = 0; j < length; j++) {
        if (j > i || j <= i - window) {
          mask[i * length + j] = Float.NEGATIVE_INFINITY;
        }
      }
    }
    return manager.create(mask, new Shape(length, length));
  }

  private NDArray rotate(NDManager manager, NDArray x, MicroBatch batch) {
    int rows = batch.rows();
    int length = batch.length();
    int size = config.rotary().size();
    int half = size / 2;
    float[] cosines = new float[rows * length * half];
    float[] sines = new float[cosines.length];
    for (int row = 0; row < rows; row++) {
      double[] frequencies =
          config.rotary().frequencies(config.rotary().regime(batch.textLengths()[row]));
      for (int position = 0; position < length; position++) {
        for (int i = 0; i < half; i++) {
          double angle = config.rotary().angle(position, frequencies[i]);
          int at = (row * length + position) * half + i;
          cosines[at] = (float) (config.rotary().magnitude() * Math.cos(angle));
          sines[at] = (float) (config.rotary().magnitude() * Math.sin(angle));
        }
      }
    }
    NDArray cosine = manager.create(cosines, new Shape(rows, 1, length, half));
    NDArray sine = manager.create(sines, new Shape(rows, 1, length, half));
    NDArray a = x.get(new NDIndex("..., :{}", half));
    NDArray b = x.get(new NDIndex("..., {}:{}", half, size));
    NDList parts = new NDList(a.mul(cosine).sub(b.mul(sine)), b.mul(cosine).add(a.mul(sine)));
    if (size < config.headSize()) {
      parts.add(x.get(new NDIndex("..., {}:", size)));
    }
    return NDArrays.concat(parts, -1);
  }

  private NDArray norm(NDArray x, String name) {
    NDArray meanSquare = x.mul(x).mean(new int[] {-1}, true);
    return x.div(meanSquare.add((float) config.normEpsilon()).sqrt()).mul(weights.get(name));
  }

  private NDArray linear(NDArray x, String name) {
    NDArray product = x.matMul(weights.get(name + ".weight").transpose());
    NDArray bias = weights.get(name + ".bias");
    return bias == null ? product : product.add(bias);
  }
}
