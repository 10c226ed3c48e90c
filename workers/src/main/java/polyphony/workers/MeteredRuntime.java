package polyphony.workers;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import polyphony.activities.lm.Encoder;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;

/** A runtime that tells when it is at work and how many tokens went through it. */
final class MeteredRuntime implements LanguageModelRuntime {
  private final LanguageModelRuntime runtime;
  private final BusyClock clock;
  private final LongAdder tokens = new LongAdder();

  MeteredRuntime(LanguageModelRuntime runtime, BusyClock clock) {
    this.runtime = runtime;
    this.clock = clock;
  }

  /** Tokens sampled, scored or trained on so far. */
  long tokens() {
    return tokens.sum();
  }

  @Override
  public Sampler sampler(LanguageModel model) {
    Sampler sampler = runtime.sampler(model);
    return new Sampler() {
      @Override
      public List<Continuation> sample(List<Prompt> batch, SamplingSettings settings) {
        clock.begin();
        try {
          List<Continuation> continuations = sampler.sample(batch, settings);
          continuations.forEach(each -> tokens.add(each.tokens().length));
          return continuations;
        } finally {
          clock.end();
        }
      }

      @Override
      public void close() {
        sampler.close();
      }
    };
  }

  @Override
  public Scorer scorer(LanguageModel model) {
    Scorer scorer = runtime.scorer(model);
    return new Scorer() {
      @Override
      public List<Scores> score(List<Text> batch) {
        clock.begin();
        try {
          List<Scores> scores = scorer.score(batch);
          batch.forEach(each -> tokens.add(each.tokens().length - each.from()));
          return scores;
        } finally {
          clock.end();
        }
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
        clock.begin();
        try {
          List<float[]> embeddings = encoder.embed(texts);
          texts.forEach(each -> tokens.add(each.length));
          return embeddings;
        } finally {
          clock.end();
        }
      }

      @Override
      public void close() {
        encoder.close();
      }
    };
  }

  @Override
  public long memory() {
    return runtime.memory();
  }

  @Override
  public Trainer trainer(
      LanguageModel model,
      TrainingBatches batches,
      TrainingSettings settings,
      Optional<Path> state) {
    Trainer trainer = runtime.trainer(model, batches, settings, state);
    return new Trainer() {
      @Override
      public int step() {
        return trainer.step();
      }

      @Override
      public StepReport next() {
        clock.begin();
        try {
          StepReport report = trainer.next();
          tokens.add(report.tokens());
          return report;
        } finally {
          clock.end();
        }
      }

      @Override
      public double loss(List<TrainingExample> examples) {
        clock.begin();
        try {
          return trainer.loss(examples);
        } finally {
          clock.end();
        }
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
  public Map<String, String> versions() {
    return runtime.versions();
  }
}
