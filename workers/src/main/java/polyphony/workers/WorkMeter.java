package polyphony.workers;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import polyphony.activities.lm.ForwardingRuntime;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;

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
    return new Measured(runtime);
  }

  private final class Measured extends ForwardingRuntime {
    Measured(LanguageModelRuntime runtime) {
      super(runtime);
    }

    @Override
    protected List<Sampler.Continuation> sample(
        Sampler sampler, List<Sampler.Prompt> batch, SamplingSettings settings) {
      List<Sampler.Continuation> drawn =
          timed("sample", () -> super.sample(sampler, batch, settings));
      calls
          .get("sample")
          .add(
              new Call(
                  batch.stream().map(each -> each.tokens().length).toList(),
                  drawn.stream().map(each -> each.tokens().length).toList()));
      return drawn;
    }

    @Override
    protected List<Scorer.Scores> score(Scorer scorer, List<Scorer.Text> batch) {
      List<Scorer.Scores> scores = timed("score", () -> super.score(scorer, batch));
      calls
          .get("score")
          .add(
              new Call(
                  batch.stream().map(each -> each.tokens().length).toList(),
                  batch.stream().map(each -> each.tokens().length - each.from()).toList()));
      return scores;
    }

    @Override
    protected Trainer.StepReport train(Trainer trainer, TrainingBatches batches) {
      List<TrainingExample> examples = batches.batch(trainer.step());
      Trainer.StepReport report = timed("train", () -> super.train(trainer, batches));
      calls
          .get("train")
          .add(
              new Call(
                  examples.stream().map(each -> each.tokens().length).toList(),
                  examples.stream().map(TrainingExample::trainedTokens).toList()));
      return report;
    }
  }
}
