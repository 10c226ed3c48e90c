package polyphony.workers.devicecheck;

import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.storage.PolyphonyException;
import polyphony.workers.devicecheck.Finding.NotDone;
import polyphony.workers.devicecheck.Finding.Resource;
import polyphony.workers.devicecheck.Finding.Speed;

/**
 * How many tokens a second are drawn, prompts apart: the time of a long continuation less that of a
 * short one. Every step reads all weights once and each row's cache; what that takes at the
 * bandwidth of plain copies is the least that a step can take.
 */
final class SamplingSpeed {
  private static final int PROMPT = 64;
  private static final int RUNS = 3;

  private SamplingSpeed() {}

  static void measure(Bench bench, ModelShape shape, Consumer<Finding> to) {
    boolean reduced = bench.assignment().reduced();
    LanguageModel model = bench.model(shape);
    try (Sampler sampler = bench.subject().sampler(model)) {
      for (int batch : reduced ? List.of(1, 16) : List.of(1, 16, 64, 256)) {
        String what = shape.name() + " sampling, batch " + batch;
        try {
          to.accept(measure(bench, model, sampler, what, batch, reduced ? 8 : 32));
        } catch (PolyphonyException e) {
          to.accept(new NotDone(what, false, e.getMessage()));
        }
      }
    }
  }

  private static Speed measure(
      Bench bench, LanguageModel model, Sampler sampler, String what, int batch, int fewest) {
    int most = 4 * fewest;
    List<int[]> prompts = Bench.texts(model, batch, PROMPT, PROMPT);
    seconds(sampler, prompts, most);
    double[] differences =
        IntStream.range(0, RUNS)
            .mapToDouble(run -> seconds(sampler, prompts, most) - seconds(sampler, prompts, fewest))
            .sorted()
            .toArray();
    double perStep = differences[RUNS / 2] / (most - fewest);
    double bytes =
        bytes(model, bench.subject().elementBytes(), batch, PROMPT + (fewest + most) / 2.0);
    return new Speed(
        what,
        batch / perStep,
        Resource.BANDWIDTH,
        bytes / perStep,
        bench.subject().peakBytes(),
        MemoryPlan.sampling(bench.subject().arithmetic(), model, batch, PROMPT, most).bytes());
  }

  private static double seconds(Sampler sampler, List<int[]> prompts, int newTokens) {
    List<Sampler.Prompt> batch =
        IntStream.range(0, prompts.size())
            .mapToObj(row -> new Sampler.Prompt(prompts.get(row), row))
            .toList();
    long start = System.nanoTime();
    sampler.sample(batch, new SamplingSettings(1, 1, newTokens));
    return (System.nanoTime() - start) / 1e9;
  }

  /** What a step reads at the least: every weight but an embedding that is looked up in. */
  private static double bytes(
      LanguageModel model, int elementBytes, int batch, double cachedTokens) {
    DecoderConfig config = model.config();
    long embedding =
        config.tiedEmbeddings() ? 0 : (long) config.vocabularySize() * config.hiddenSize();
    long cached = 2L * config.layers() * config.keyValueHeads() * config.headSize();
    return elementBytes * (config.parameters() - embedding + batch * cachedTokens * cached);
  }
}
