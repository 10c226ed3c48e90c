package polyphony.workers.devicecheck;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Scorer;
import polyphony.workers.devicecheck.Finding.Verdict;

/**
 * Whether the device draws the tokens that the CPU would. Tokens alone do not tell: where two are
 * almost equally likely rounding decides, and whatever follows is another text. So distributions
 * over given texts are compared first, and what the device draws is then judged by the CPU's
 * distributions over that very text.
 */
final class SamplingAgreement {
  private static final int ROWS = 16;
  private static final int NEW_TOKENS = 32;

  private SamplingAgreement() {}

  static void verify(Bench bench, Consumer<Finding> to) {
    for (ModelShape shape : ModelShape.VARIATIONS) {
      LanguageModel model = bench.model(shape);
      List<int[]> prompts = Bench.texts(model, ROWS, 3, 40);
      try (Scorer reference = bench.reference().scorer(model)) {
        to.accept(divergence(bench, shape, model, reference));
        List<int[]> expected;
        try (Sampler sampler = bench.reference().sampler(model)) {
          expected = texts(sampler, prompts, 0);
        }
        try (Sampler sampler = bench.subject().sampler(model)) {
          List<int[]> greedy = texts(sampler, prompts, 0);
          to.accept(
              new Verdict(
                  shape.name() + ": greedy tokens that part from the CPU's, share",
                  parting(prompts, expected, greedy),
                  bench.subject().tolerance().parting()));
          to.accept(
              new Verdict(
                  shape.name() + ": greedy tokens, nats below the CPU's best, largest",
                  regret(reference.score(scored(prompts, greedy))),
                  bench.subject().tolerance().regret()));
          List<int[]> drawn = texts(sampler, prompts, 1);
          to.accept(
              new Verdict(
                  shape.name() + ": sampled tokens, surprise less entropy, standard errors",
                  deviation(prompts, drawn, reference.score(scored(prompts, drawn))),
                  Tolerance.DEVIATIONS));
        }
      }
    }
  }

  private static Verdict divergence(
      Bench bench, ModelShape shape, LanguageModel model, Scorer reference) {
    List<Scorer.Text> texts =
        Bench.texts(model, 8, 3, 60).stream().map(tokens -> new Scorer.Text(tokens, 1)).toList();
    List<Scorer.Scores> expected = reference.score(texts);
    double sum = 0;
    int positions = 0;
    try (Scorer scorer = bench.subject().scorer(model)) {
      List<Scorer.Scores> found = scorer.score(texts);
      for (int text = 0; text < texts.size(); text++) {
        float[][] ours = expected.get(text).logDistributions();
        for (int position = 0; position < ours.length; position++) {
          sum += divergence(ours[position], found.get(text).logDistributions()[position]);
          positions++;
        }
      }
    }
    return new Verdict(
        shape.name() + ": divergence of distributions over given texts, nats",
        sum / positions,
        bench.subject().tolerance().divergence());
  }

  /** Of {@code q} from {@code p}, both logarithms; rounding can make it a little below 0. */
  private static double divergence(float[] p, float[] q) {
    double sum = 0;
    for (int token = 0; token < p.length; token++) {
      sum += Math.exp(p[token]) * (p[token] - q[token]);
    }
    return Math.abs(sum);
  }

  /** Prompts with their continuations. */
  private static List<int[]> texts(Sampler sampler, List<int[]> prompts, double temperature) {
    List<Sampler.Prompt> batch =
        IntStream.range(0, prompts.size())
            .mapToObj(row -> new Sampler.Prompt(prompts.get(row), row))
            .toList();
    List<Sampler.Continuation> drawn =
        sampler.sample(batch, new SamplingSettings(temperature, 1, NEW_TOKENS));
    List<int[]> texts = new ArrayList<>();
    for (int row = 0; row < drawn.size(); row++) {
      int[] prompt = prompts.get(row);
      int[] tokens = drawn.get(row).tokens();
      int[] text = Arrays.copyOf(prompt, prompt.length + tokens.length);
      System.arraycopy(tokens, 0, text, prompt.length, tokens.length);
      texts.add(text);
    }
    return texts;
  }

  private static List<Scorer.Text> scored(List<int[]> prompts, List<int[]> texts) {
    return IntStream.range(0, texts.size())
        .mapToObj(row -> new Scorer.Text(texts.get(row), prompts.get(row).length))
        .toList();
  }

  private static double parting(List<int[]> prompts, List<int[]> expected, List<int[]> found) {
    int parted = 0;
    int compared = 0;
    for (int row = 0; row < prompts.size(); row++) {
      int from = prompts.get(row).length;
      int first = Arrays.mismatch(expected.get(row), found.get(row));
      parted += first < 0 ? 0 : 1;
      compared += (first < 0 ? found.get(row).length : first + 1) - from;
    }
    return (double) parted / compared;
  }

  private static double regret(List<Scorer.Scores> scores) {
    double worst = 0;
    for (Scorer.Scores text : scores) {
      for (int i = 0; i < text.logLikelihoods().length; i++) {
        float best = Float.NEGATIVE_INFINITY;
        for (float each : text.logDistributions()[i]) {
          best = Math.max(best, each);
        }
        worst = Math.max(worst, best - text.logLikelihoods()[i]);
      }
    }
    return worst;
  }

  /**
   * By how many standard errors the tokens' mean surprise is away from what it is expected to be.
   */
  private static double deviation(
      List<int[]> prompts, List<int[]> texts, List<Scorer.Scores> scores) {
    double difference = 0;
    double variance = 0;
    for (int row = 0; row < texts.size(); row++) {
      int from = prompts.get(row).length;
      float[][] distributions = scores.get(row).logDistributions();
      for (int i = 0; i < distributions.length; i++) {
        double entropy = 0;
        double square = 0;
        for (float logarithm : distributions[i]) {
          double share = Math.exp(logarithm);
          entropy -= share * logarithm;
          square += share * logarithm * logarithm;
        }
        difference += -distributions[i][texts.get(row)[from + i]] - entropy;
        variance += square - entropy * entropy;
      }
    }
    return Math.abs(difference) / Math.sqrt(variance);
  }
}
