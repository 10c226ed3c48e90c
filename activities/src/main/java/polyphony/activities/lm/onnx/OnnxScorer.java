package polyphony.activities.lm.onnx;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Scorer;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** Scores given texts with ONNX Runtime, a batch a run. */
public final class OnnxScorer implements Scorer {
  private final DecoderConfig config;
  private final AdapterStack adapters;
  private final OnnxOptions options;
  private final OnnxSession session;

  /** Loads one model; see {@link #OnnxScorer(List, OnnxOptions)}. */
  public OnnxScorer(LanguageModel model, OnnxOptions options) {
    this(List.of(model), options);
  }

  /**
   * Loads {@code models}; their folders must stay as they are until {@link #close}.
   *
   * @param models all over one base, which is loaded once; at least one
   * @throws PolyphonyException DATA where a weight cannot be used; OUT_OF_MEMORY
   * @throws IllegalArgumentException where the models are not over one base
   */
  public OnnxScorer(List<LanguageModel> models, OnnxOptions options) {
    LanguageModel model = models.get(0);
    this.config = model.config();
    this.adapters = AdapterStack.of(models);
    this.options = options;
    this.session = OnnxSession.open(model, adapters, DecoderGraph::scoring, options);
  }

  @Override
  public List<Scores> score(List<Text> batch) {
    if (batch.isEmpty()) {
      return List.of();
    }
    check(batch);
    // Texts of like length share a run, so that little of it is padding.
    List<Integer> order =
        IntStream.range(0, batch.size())
            .boxed()
            .sorted(Comparator.comparingInt(text -> batch.get(text).tokens().length))
            .toList();
    Scores[] scores = new Scores[batch.size()];
    for (int from = 0; from < order.size(); ) {
      int to = from + 1;
      while (to < order.size()
          && (to + 1 - from) * batch.get(order.get(to)).tokens().length
              <= options.tokensPerScoring()) {
        to++;
      }
      List<Integer> texts = order.subList(from, to);
      List<Scores> run = run(texts.stream().map(batch::get).toList());
      for (int i = 0; i < texts.size(); i++) {
        scores[texts.get(i)] = run.get(i);
      }
      from = to;
    }
    return List.of(scores);
  }

  private List<Scores> run(List<Text> batch) {
    PaddedBatch padded =
        PaddedBatch.of(
            batch.stream().map(Text::tokens).toList(), options.variant().padding(config));
    long[] positions = scoredPositions(batch, padded);
    try (OnnxSession.Inputs inputs = session.inputs()) {
      inputs
          .integers("texts", padded.ids(), padded.rows(), padded.columns())
          .integers("padding", padded.padding(), padded.rows())
          .integers("positions", positions, positions.length);
      if (config.rotary().regimes() > 1) {
        inputs.integers(
            "firstRows", padded.firstRows(config.rotary(), padded.columns()), padded.rows());
      }
      adapters.addMask(inputs, batch.stream().map(Text::model).toList());
      RotaryTable.of(config.rotary(), padded.columns()).addTo(inputs);
      return session.run(
          inputs,
          OnnxSession.Memory.GIVEN_BACK,
          outputs -> split(batch, outputs.floats("logDistributions"), outputs.floats("hidden")));
    }
  }

  private void check(List<Text> batch) {
    long values = 0;
    for (int i = 0; i < batch.size(); i++) {
      Text text = batch.get(i);
      adapters.check(text.model(), "text " + i);
      PaddedBatch.check(config, text.tokens(), "text " + i);
      if (text.from() < 1 || text.from() >= text.tokens().length) {
        throw PolyphonyException.data(
            "text "
                + i
                + " is to be scored from position "
                + text.from()
                + "; it has "
                + text.tokens().length
                + " tokens, so 1 to "
                + (text.tokens().length - 1)
                + " is possible");
      }
      values += (long) (text.tokens().length - text.from()) * config.vocabularySize();
    }
    if (values > Integer.MAX_VALUE / Float.BYTES) {
      throw new PolyphonyException(
          ErrorClass.OUT_OF_MEMORY,
          "the batch's distributions have " + values + " values; score fewer texts at a time");
    }
  }

  /** The token at {@code i} is scored where its predecessor stands. */
  private static long[] scoredPositions(List<Text> batch, PaddedBatch padded) {
    long[] positions =
        new long[batch.stream().mapToInt(text -> text.tokens().length - text.from()).sum()];
    int next = 0;
    for (int row = 0; row < batch.size(); row++) {
      long start = padded.start(row);
      for (int i = batch.get(row).from(); i < batch.get(row).tokens().length; i++) {
        positions[next++] = start + i - 1;
      }
    }
    return positions;
  }

  private List<Scores> split(List<Text> batch, FloatBuffer distributions, FloatBuffer hidden) {
    List<Scores> scores = new ArrayList<>();
    float[] state = new float[config.hiddenSize()];
    for (Text text : batch) {
      int scored = text.tokens().length - text.from();
      float[] logLikelihoods = new float[scored];
      float[][] logDistributions = new float[scored][config.vocabularySize()];
      double[] sum = new double[config.hiddenSize()];
      for (int i = 0; i < scored; i++) {
        distributions.get(logDistributions[i]);
        logLikelihoods[i] = logDistributions[i][text.tokens()[text.from() + i]];
        if (Float.isNaN(logLikelihoods[i])) {
          throw PolyphonyException.data(
              "the model's logits are not numbers; its weights are damaged or its training"
                  + " diverged");
        }
        hidden.get(state);
        for (int j = 0; j < state.length; j++) {
          sum[j] += state[j];
        }
      }
      float[] embedding = new float[config.hiddenSize()];
      for (int j = 0; j < embedding.length; j++) {
        embedding[j] = (float) (sum[j] / scored);
      }
      scores.add(new Scores(logLikelihoods, logDistributions, embedding));
    }
    return scores;
  }

  @Override
  public void close() {
    session.close();
  }
}
