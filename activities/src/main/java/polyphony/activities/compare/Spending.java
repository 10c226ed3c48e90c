package polyphony.activities.compare;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import polyphony.activities.ModelStep;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.StepManifest;
import polyphony.storage.StepUse;
import polyphony.storage.Steps;
import polyphony.workflows.ComparisonResult;
import polyphony.workflows.ExperimentNames;

/**
 * What an experiment's steps cost, whoever computed them, as their manifests tell.
 *
 * @param complete whether every step that the experiment used still has its manifest
 */
record Spending(List<Item> items, boolean complete) {
  private static final int MAX_BYTES = 1 << 24;

  /** What was only measured is no part of a method. */
  private static final Set<String> COUNTED =
      Set.of(
          ModelStep.DEBATE.name(),
          ModelStep.DEBATE_ROUND.name(),
          ModelStep.TRAIN_GENERATOR.name(),
          ModelStep.TRAIN_CRITIC.name());

  /**
   * One step of sampling or training.
   *
   * @param iteration workflow id of the iteration that used it
   * @param answers whether it answered evaluation questions
   */
  private record Item(
      String iteration,
      boolean answers,
      double sampledTokens,
      double trainedTokens,
      double seconds) {}

  static Spending read(ObjectStore store, String experiment) {
    List<Item> items = new ArrayList<>();
    boolean complete = true;
    List<String> uses = store.list(StepUse.prefix(experiment));
    for (String object : uses) {
      try {
        StepUse use = StepUse.read(store, object);
        if (COUNTED.contains(use.step())) {
          items.add(item(store, use, StepUse.key(object)));
        }
      } catch (IOException | MissingObjectException e) {
        // The audit names what is gone or damaged; here it only means that the sum is not known.
        complete = false;
      }
    }
    return new Spending(items, complete && !uses.isEmpty());
  }

  private static Item item(ObjectStore store, StepUse use, String key) throws IOException {
    StepManifest manifest = StepManifest.parse(store.bytes(Steps.object(key), MAX_BYTES));
    Map<String, Double> usage = manifest.usage();
    return new Item(
        use.work(),
        manifest.inputs().path("purpose").asText().equals("evaluate"),
        usage.getOrDefault("sampledTokens", 0.0),
        usage.getOrDefault("trainedTokens", 0.0),
        manifest.wallSeconds());
  }

  /**
   * What everything up to an iteration cost.
   *
   * @param questions evaluation questions of every iteration
   * @return null where that is not known
   */
  ComparisonResult.Budget until(int iteration, int questions) {
    if (!complete) {
      return null;
    }
    double sampled = 0;
    double trained = 0;
    double answers = 0;
    double seconds = 0;
    for (Item item : items) {
      int at = ExperimentNames.iteration(item.iteration());
      if (at > iteration) {
        continue;
      }
      seconds += item.seconds();
      trained += item.trainedTokens();
      if (!item.answers()) {
        sampled += item.sampledTokens();
      } else if (at == iteration) {
        answers += item.sampledTokens();
      }
    }
    return new ComparisonResult.Budget(sampled, trained, answers / questions, seconds);
  }
}
