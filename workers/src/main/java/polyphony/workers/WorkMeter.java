package polyphony.workers;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
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

/** Writes down the shape of every call of a runtime, and how long each kind of work took. */
final class WorkMeter {
  /**
   * One call.
   *
   * @param lengths tokens of each text: prompts, whole texts or training examples
   * @param made tokens drawn, scored or trained on, of each text
   */
  record Call(List<Integer> lengths, List<Integer> made) {}

  /**
   * Work of one kind.
   *
   * @param tokens sampled; or read, where texts are scored or trained on
   * @param seconds in which at least one call was running
   */
  record Work(long tokens, double seconds, List<Call> calls) {}

  private final Map<String, BusyClock> clocks =
      Map.of(
          "sample", new BusyClock(System::nanoTime),
          "score", new BusyClock(System::nanoTime),
          "train", new BusyClock(System::nanoTime));
  private final Map<String, List<Call>> calls =
      Map.of(
          "sample", Collections.synchronizedList(new ArrayList<>()),
          "score", Collections.synchronizedList(new ArrayList<>()),
          "train", Collections.synchronizedList(new ArrayList<>()));

  /** So far, by kind. */
  Map<String, Work> work() {
    Map<String, Work> work = new TreeMap<>();
    calls.forEach(
        (kind, made) -> {
          long tokens =
              made.stream()
                  .map(call -> kind.equals("sample") ? call.made() : call.lengths())
                  .flatMap(List::stream)
                  .mapToLong(Integer::longValue)
                  .sum();
          work.put(kind, new Work(tokens, clocks.get(kind).seconds(), List.copyOf(made)));
        });
    return work;
  }

  private <T> T timed(String kind, Supplier<T> call) {
    clocks.get(kind).begin();
    try {
      return call.get();
    } finally {
      clocks.get(kind).end();
    }
  }

  /** A runtime whose work is measured. */
  LanguageModelRuntime around(LanguageModelRuntime runtime) {
    return new LanguageModelRuntime() {
      @Override
      public Sampler sampler(LanguageModel model) {
        return measured(runtime.sampler(model));
      }

      @Override
      public Scorer scorer(LanguageModel model) {
        return measured(runtime.scorer(model));
      }

      @Override
      public Encoder encoder(EncoderModel model) {
        return runtime.encoder(model);
      }

      @Override
      public Trainer trainer(
          LanguageModel model,
          TrainingBatches batches,
          TrainingSettings settings,
          Optional<Path> state) {
        return measured(runtime.trainer(model, batches, settings, state), batches);
      }

      @Override
      public long memory() {
        return runtime.memory();
      }

      @Override
      public Map<String, String> versions() {
        return runtime.versions();
      }
    };
  }

  private Sampler measured(Sampler sampler) {
    return new Sampler() {
      @Override
      public List<Continuation> sample(List<Prompt> batch, SamplingSettings settings) {
        List<Continuation> drawn = timed("sample", () -> sampler.sample(batch, settings));
        calls
            .get("sample")
            .add(
                new Call(
                    batch.stream().map(each -> each.tokens().length).toList(),
                    drawn.stream().map(each -> each.tokens().length).toList()));
        return drawn;
      }

      @Override
      public void close() {
        sampler.close();
      }
    };
  }

  private Scorer measured(Scorer scorer) {
    return new Scorer() {
      @Override
      public List<Scores> score(List<Text> batch) {
        List<Scores> scores = timed("score", () -> scorer.score(batch));
        calls
            .get("score")
            .add(
                new Call(
                    batch.stream().map(each -> each.tokens().length).toList(),
                    batch.stream().map(each -> each.tokens().length - each.from()).toList()));
        return scores;
      }

      @Override
      public void close() {
        scorer.close();
      }
    };
  }

  private Trainer measured(Trainer trainer, TrainingBatches batches) {
    return new Trainer() {
      @Override
      public int step() {
        return trainer.step();
      }

      @Override
      public StepReport next() {
        List<TrainingExample> examples = batches.batch(trainer.step());
        StepReport report = timed("train", trainer::next);
        calls
            .get("train")
            .add(
                new Call(
                    examples.stream().map(each -> each.tokens().length).toList(),
                    examples.stream().map(TrainingExample::trainedTokens).toList()));
        return report;
      }

      @Override
      public double loss(List<TrainingExample> examples) {
        return trainer.loss(examples);
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
}
