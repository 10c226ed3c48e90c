package polyphony.activities.debate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import polyphony.activities.StepProgress;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.storage.StepManifest;

/**
 * Samples in planned batches, each committed when it is done. What an earlier attempt has committed
 * is taken from there.
 */
final class SampledBatches {
  private final StepAttempt attempt;
  private final int batchSize;
  private final SamplingSettings settings;
  private final List<Batch> committed;
  private int next;
  private long sampledTokens;
  private final StepProgress progress;
  private final long total;
  private long rowsDone;

  /**
   * One prompt.
   *
   * @param index position of the question in its set
   */
  record Row(int index, int[] tokens, long seed) {}

  /** One commit. */
  private record Batch(List<Sampled> rows) {}

  /**
   * @param total rows of all calls to {@link #sample}, for the progress alone
   */
  SampledBatches(
      StepAttempt attempt,
      int batchSize,
      SamplingSettings settings,
      StepProgress progress,
      long total) {
    if (batchSize < 1) {
      throw PolyphonyException.config("the batch size is at least 1, not " + batchSize);
    }
    this.attempt = attempt;
    this.batchSize = batchSize;
    this.settings = settings;
    this.progress = progress;
    this.total = total;
    this.committed = attempt.commits(Batch.class);
  }

  /** Tokens of all batches so far, of earlier attempts too. */
  long sampledTokens() {
    return sampledTokens;
  }

  /**
   * One continuation per row, by index; none for a row that leaves no room for a single token. Rows
   * of like length stand in one batch, so that little is padding; the order depends on the rows
   * alone.
   *
   * @return empty where the attempt was asked to stop
   */
  Optional<Map<Integer, Sampled>> sample(Speaker speaker, List<Row> rows) {
    List<Row> planned =
        rows.stream()
            .filter(each -> each.tokens().length < speaker.context())
            .sorted(Comparator.comparingInt(each -> each.tokens().length)) // stable
            .toList();
    rowsDone += rows.size() - planned.size();
    Map<Integer, Sampled> sampled = new HashMap<>();
    for (int from = 0; from < planned.size(); from += batchSize) {
      List<Row> batch = planned.subList(from, Math.min(from + batchSize, planned.size()));
      List<Sampled> done;
      if (next < committed.size()) {
        done = committed.get(next).rows();
        check(batch, done);
      } else if (attempt.stopRequested()) {
        return Optional.empty();
      } else {
        int longest = planned.get(planned.size() - 1).tokens().length;
        int rowsAtMost = Math.min(batchSize, planned.size());
        Sampler sampler = speaker.sampler(rowsAtMost, longest, settings.maxNewTokens());
        long start = System.nanoTime();
        done = sampleBatch(sampler, batch);
        attempt.usage(StepManifest.MODEL_SECONDS, (System.nanoTime() - start) / 1e9);
        attempt.usage("sampledTokens", (double) tokens(done));
        attempt.commit(new Batch(done));
      }
      next++;
      sampledTokens += tokens(done);
      rowsDone += batch.size();
      progress.report(rowsDone, total);
      done.forEach(each -> sampled.put(each.index(), each));
    }
    return Optional.of(sampled);
  }

  private List<Sampled> sampleBatch(Sampler sampler, List<Row> batch) {
    List<Sampler.Continuation> continuations =
        sampler.sample(
            batch.stream().map(each -> new Sampler.Prompt(each.tokens(), each.seed())).toList(),
            settings);
    List<Sampled> sampled = new ArrayList<>();
    for (int i = 0; i < batch.size(); i++) {
      Sampler.Continuation continuation = continuations.get(i);
      sampled.add(new Sampled(batch.get(i).index(), continuation.tokens(), continuation.ended()));
    }
    return sampled;
  }

  private static long tokens(List<Sampled> rows) {
    return rows.stream().mapToLong(each -> each.tokens().length).sum();
  }

  /** Batches follow from the step's inputs, so that others can only come from a defect. */
  private static void check(List<Row> planned, List<Sampled> committed) {
    if (!planned.stream()
        .map(Row::index)
        .toList()
        .equals(committed.stream().map(Sampled::index).toList())) {
      throw new PolyphonyException(
          ErrorClass.BUG,
          "what was committed of this step are other batches than those planned: raise its version");
    }
  }
}
