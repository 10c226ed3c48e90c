package polyphony.activities.lm.onnx;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import polyphony.activities.lm.Encoder;
import polyphony.activities.lm.EncoderConfig;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.TokenIds;

/** Encodes texts with ONNX Runtime, those of like length together. */
public final class OnnxEncoder implements Encoder {
  private final EncoderConfig config;
  private final OnnxOptions options;
  private final OnnxSession session;

  /**
   * Loads {@code model}; its folder must stay as it is until {@link #close}.
   *
   * @throws polyphony.storage.PolyphonyException DATA where a weight cannot be used; OUT_OF_MEMORY
   */
  public OnnxEncoder(EncoderModel model, OnnxOptions options) {
    this.config = model.config();
    this.options = options;
    this.session =
        OnnxSession.open(model.folder(), model.weights(), () -> EncoderGraph.of(model), options);
  }

  @Override
  public List<float[]> embed(List<int[]> texts) {
    return hiddenStates(texts).stream().map(OnnxEncoder::mean).toList();
  }

  private static float[] mean(float[][] states) {
    double[] sum = new double[states[0].length];
    for (float[] state : states) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] += state[i];
      }
    }
    float[] mean = new float[sum.length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = (float) (sum[i] / states.length);
    }
    return mean;
  }

  /** By text, then by token: the last hidden states, [hiddenSize] each. */
  List<float[][]> hiddenStates(List<int[]> texts) {
    for (int i = 0; i < texts.size(); i++) {
      TokenIds.require(config.vocabularySize(), texts.get(i), "text " + i);
    }
    List<Integer> order =
        IntStream.range(0, texts.size())
            .boxed()
            .sorted(Comparator.comparingInt(text -> texts.get(text).length))
            .toList();
    float[][][] states = new float[texts.size()][][];
    for (int from = 0; from < order.size(); ) {
      int to = from + 1;
      while (to < order.size()
          && (to + 1 - from) * texts.get(order.get(to)).length <= options.tokensPerScoring()) {
        to++;
      }
      List<Integer> together = order.subList(from, to);
      List<float[][]> batch = run(together.stream().map(texts::get).toList());
      for (int i = 0; i < together.size(); i++) {
        states[together.get(i)] = batch.get(i);
      }
      from = to;
    }
    return Arrays.asList(states);
  }

  private List<float[][]> run(List<int[]> texts) {
    PaddedBatch padded = PaddedBatch.of(texts, PaddedBatch.Side.LEFT);
    try (OnnxSession.Inputs inputs = session.inputs()) {
      inputs
          .integers("texts", padded.ids(), padded.rows(), padded.columns())
          .integers("padding", padded.padding(), padded.rows())
          .integers("buckets", buckets(padded.columns()), padded.columns(), padded.columns());
      return session.run(
          inputs,
          OnnxSession.Memory.GIVEN_BACK,
          outputs -> split(padded, outputs.floats("hidden")));
    }
  }

  private long[] buckets(int columns) {
    long[] buckets = new long[Math.multiplyExact(columns, columns)];
    for (int query = 0; query < columns; query++) {
      for (int key = 0; key < columns; key++) {
        buckets[query * columns + key] = config.bucket(key - query);
      }
    }
    return buckets;
  }

  private List<float[][]> split(PaddedBatch padded, FloatBuffer hidden) {
    List<float[][]> texts = new ArrayList<>();
    for (int row = 0; row < padded.rows(); row++) {
      int padding = (int) padded.padding()[row];
      float[][] states = new float[padded.columns() - padding][config.hiddenSize()];
      hidden.position((row * padded.columns() + padding) * config.hiddenSize());
      for (float[] state : states) {
        hidden.get(state);
      }
      texts.add(states);
    }
    return texts;
  }

  @Override
  public void close() {
    session.close();
  }
}
