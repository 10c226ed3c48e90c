package polyphony.workers;

import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import polyphony.activities.lm.Encoder;
import polyphony.activities.lm.ForwardingRuntime;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;

/** A runtime that tells when it is at work and how many tokens went through it. */
final class MeteredRuntime extends ForwardingRuntime {
  private final BusyClock clock;
  private final LongAdder tokens = new LongAdder();

  MeteredRuntime(LanguageModelRuntime runtime, BusyClock clock) {
    super(runtime);
    this.clock = clock;
  }

  /** Tokens sampled, scored or trained on so far. */
  long tokens() {
    return tokens.sum();
  }

  private <T> T timed(Supplier<T> work) {
    clock.begin();
    try {
      return work.get();
    } finally {
      clock.end();
    }
  }

  @Override
  protected List<Sampler.Continuation> sample(
      Sampler sampler, List<Sampler.Prompt> batch, SamplingSettings settings) {
    List<Sampler.Continuation> drawn = timed(() -> super.sample(sampler, batch, settings));
    drawn.forEach(each -> tokens.add(each.tokens().length));
    return drawn;
  }

  @Override
  protected List<Scorer.Scores> score(Scorer scorer, List<Scorer.Text> batch) {
    List<Scorer.Scores> scores = timed(() -> super.score(scorer, batch));
    batch.forEach(each -> tokens.add(each.tokens().length - each.from()));
    return scores;
  }

  @Override
  protected List<float[]> embed(Encoder encoder, List<int[]> texts) {
    List<float[]> embeddings = timed(() -> super.embed(encoder, texts));
    texts.forEach(each -> tokens.add(each.length));
    return embeddings;
  }

  @Override
  protected Trainer.StepReport train(Trainer trainer, TrainingBatches batches) {
    Trainer.StepReport report = timed(() -> super.train(trainer, batches));
    tokens.add(report.tokens());
    return report;
  }

  @Override
  protected double loss(Trainer trainer, List<TrainingExample> examples) {
    return timed(() -> super.loss(trainer, examples));
  }
}
