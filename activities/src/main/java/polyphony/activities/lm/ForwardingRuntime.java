package polyphony.activities.lm;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Forwards everything to another runtime; whoever watches the work overrides what it watches. */
public abstract class ForwardingRuntime implements LanguageModelRuntime {
  private final LanguageModelRuntime runtime;

  protected ForwardingRuntime(LanguageModelRuntime runtime) {
    this.runtime = runtime;
  }

  /** Has a batch sampled. */
  protected List<Sampler.Continuation> sample(
      Sampler sampler, List<Sampler.Prompt> batch, SamplingSettings settings) {
    return sampler.sample(batch, settings);
  }

  /** Has texts scored. */
  protected List<Scorer.Scores> score(Scorer scorer, List<Scorer.Text> batch) {
    return scorer.score(batch);
  }

  /** Has texts embedded. */
  protected List<float[]> embed(Encoder encoder, List<int[]> texts) {
    return encoder.embed(texts);
  }

  /** A trainer was opened. */
  protected void opened(Trainer trainer) {}

  /** Has the next step trained. */
  protected Trainer.StepReport train(Trainer trainer, TrainingBatches batches) {
    return trainer.next();
  }

  /** Has a loss computed. */
  protected double loss(Trainer trainer, List<TrainingExample> examples) {
    return trainer.loss(examples);
  }

  @Override
  public Sampler sampler(List<LanguageModel> models) {
    Sampler sampler = runtime.sampler(models);
    return new Sampler() {
      @Override
      public List<Continuation> sample(List<Prompt> batch, SamplingSettings settings) {
        return ForwardingRuntime.this.sample(sampler, batch, settings);
      }

      @Override
      public void close() {
        sampler.close();
      }
    };
  }

  @Override
  public Scorer scorer(List<LanguageModel> models) {
    Scorer scorer = runtime.scorer(models);
    return new Scorer() {
      @Override
      public List<Scores> score(List<Text> batch) {
        return ForwardingRuntime.this.score(scorer, batch);
      }

      @Override
      public void close() {
        scorer.close();
      }
    };
  }

  @Override
  public Encoder encoder(EncoderModel model) {
    Encoder encoder = runtime.encoder(model);
    return new Encoder() {
      @Override
      public List<float[]> embed(List<int[]> texts) {
        return ForwardingRuntime.this.embed(encoder, texts);
      }

      @Override
      public void close() {
        encoder.close();
      }
    };
  }

  @Override
  public Trainer trainer(
      LanguageModel model,
      TrainingBatches batches,
      TrainingSettings settings,
      Optional<Path> state) {
    Trainer trainer = runtime.trainer(model, batches, settings, state);
    opened(trainer);
    return new Trainer() {
      @Override
      public int step() {
        return trainer.step();
      }

      @Override
      public StepReport next() {
        return train(trainer, batches);
      }

      @Override
      public double loss(List<TrainingExample> examples) {
        return ForwardingRuntime.this.loss(trainer, examples);
      }

      @Override
      public void saveState(Path file) {
        trainer.saveState(file);
      }

      @Override
      public void saveWeights(Path file) {
        trainer.saveWeights(file);
      }

      @Override
      public void close() {
        trainer.close();
      }
    };
  }

  @Override
  public Arithmetic arithmetic() {
    return runtime.arithmetic();
  }

  @Override
  public long memory() {
    return runtime.memory();
  }

  @Override
  public void requireRoom(MemoryPlan plan) {
    runtime.requireRoom(plan);
  }

  @Override
  public Map<String, String> versions() {
    return runtime.versions();
  }
}
