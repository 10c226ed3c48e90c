package polyphony.activities.lm.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.storage.PolyphonyException;

/** Samples with ONNX Runtime: a batch's whole decoding is one run of the graph, or a few. */
public final class OnnxSampler implements Sampler {
  private final DecoderConfig config;
  private final long[] endTokens;
  private final AdapterStack adapters;
  private final OnnxOptions options;
  private final OnnxSession session;
  private final AtomicLong executedSteps = new AtomicLong();

  /** Loads one model; see {@link #OnnxSampler(List, OnnxOptions)}. */
  public OnnxSampler(LanguageModel model, OnnxOptions options) {
    this(List.of(model), options);
  }

  /**
   * Loads {@code models}; their folders must stay as they are until {@link #close}.
   *
   * @param models all over one base, which is loaded once; at least one
   * @throws PolyphonyException DATA where a weight cannot be used; OUT_OF_MEMORY
   * @throws IllegalArgumentException where the models are not over one base
   */
  public OnnxSampler(List<LanguageModel> models, OnnxOptions options) {
    LanguageModel model = models.get(0);
    this.config = model.config();
    this.adapters = AdapterStack.of(models);
    this.options = options;
    // The graph wants at least one end token; none ever equals -2.
    this.endTokens =
        model.endTokens().isEmpty()
            ? new long[] {-2}
            : model.endTokens().stream().mapToLong(Integer::longValue).toArray();
    this.session = OnnxSession.open(model, adapters, DecoderGraph::generation, options);
  }

  /** One row on its way through the runs. */
  private static final class Row {
    final int model;
    final int[] tokens;
    final int promptLength;
    final SplittableRandom random;
    int length;
    boolean ended;

    Row(Prompt prompt, int limit) {
      model = prompt.model();
      promptLength = prompt.tokens().length;
      tokens = Arrays.copyOf(prompt.tokens(), promptLength + limit);
      random = new SplittableRandom(prompt.seed());
      length = promptLength;
    }

    int left() {
      return ended ? 0 : tokens.length - length;
    }

    int[] soFar() {
      return Arrays.copyOf(tokens, length);
    }

    Continuation continuation() {
      return new Continuation(Arrays.copyOfRange(tokens, promptLength, length), ended);
    }
  }

  @Override
  public List<Continuation> sample(List<Prompt> batch, SamplingSettings settings) {
    List<Row> rows = new ArrayList<>();
    for (Prompt prompt : batch) {
      adapters.check(prompt.model(), "prompt " + rows.size());
      PaddedBatch.check(config, prompt.tokens(), "prompt " + rows.size());
      int room = config.maxPositions() - prompt.tokens().length;
      rows.add(new Row(prompt, Math.min(settings.maxNewTokens(), room)));
    }
    while (true) {
      List<Row> open = rows.stream().filter(row -> row.left() > 0).toList();
      if (open.isEmpty()) {
        return rows.stream().map(Row::continuation).toList();
      }
      run(open, settings);
    }
  }

  /** Steps of the decoding loop so far, over all batches: what early exit saves shows here. */
  public long executedSteps() {
    return executedSteps.get();
  }

  private void run(List<Row> rows, SamplingSettings settings) {
    long[] limits = rows.stream().mapToLong(this::limit).toArray();
    int steps = (int) Math.min(options.stepsPerRun(), Arrays.stream(limits).max().orElseThrow());
    PaddedBatch padded =
        PaddedBatch.of(rows.stream().map(Row::soFar).toList(), options.variant().padding(config));
    boolean greedy = settings.temperature() == 0;
    double[] uniforms = new double[Math.multiplyExact(rows.size(), steps)];
    if (!greedy) {
      for (int row = 0; row < rows.size(); row++) {
        // No more than the row can use: what it draws must not depend on the rows beside it.
        for (int step = 0; step < Math.min(steps, limits[row]); step++) {
          uniforms[row * steps + step] = rows.get(row).random.nextDouble();
        }
      }
    }
    long[] tokens;
    try (OnnxSession.Inputs inputs = session.inputs()) {
      inputs
          .integers("prompts", padded.ids(), padded.rows(), padded.columns())
          .integers("padding", padded.padding(), padded.rows())
          .integers("limits", limits, padded.rows())
          .doubles("uniforms", uniforms, padded.rows(), steps)
          .integers("endTokens", endTokens, endTokens.length)
          .real("temperature", greedy ? 1 : divisor(settings.temperature()))
          .real("topP", (float) settings.topP())
          .truth("greedy", greedy)
          .truth("nucleus", settings.topP() < 1);
      if (config.rotary().regimes() > 1) {
        inputs.integers(
            "firstRows",
            padded.firstRows(config.rotary(), padded.columns() + steps),
            padded.rows());
      }
      adapters.addMask(inputs, rows.stream().map(row -> row.model).toList());
      RotaryTable.of(config.rotary(), padded.columns() + steps).addTo(inputs);
      tokens = session.run(inputs, OnnxSession.Memory.KEPT, outputs -> outputs.integers("tokens"));
    }
    int executed = tokens.length / rows.size();
    executedSteps.addAndGet(executed);
    for (int row = 0; row < rows.size(); row++) {
      append(rows.get(row), row, tokens, rows.size(), (int) Math.min(limits[row], executed));
    }
  }

  /**
   * The most new tokens of {@code row} in one run: the text that the last one is drawn from must be
   * of the prompt's regime, since another one turns all of the cache.
   */
  private long limit(Row row) {
    return Math.min(row.left(), config.rotary().longest(row.length) - row.length + 1L);
  }

  /** Within what a float can divide by, so that 0 / 0 and inf / inf do not arise. */
  private static float divisor(double temperature) {
    return (float) Math.min(Math.max(temperature, Float.MIN_NORMAL), Float.MAX_VALUE);
  }

  private void append(Row row, int index, long[] tokens, int batch, int executed) {
    for (int step = 0; step < executed && row.left() > 0; step++) {
      long token = tokens[step * batch + index];
      if (token == TokenSelection.INVALID) {
        throw PolyphonyException.data(
            "the model's logits are not numbers; its weights are damaged or its training diverged");
      }
      row.tokens[row.length++] = (int) token;
      row.ended = Arrays.stream(endTokens).anyMatch(end -> end == token);
    }
  }

  @Override
  public void close() {
    session.close();
  }
}
