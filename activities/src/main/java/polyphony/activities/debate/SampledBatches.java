package polyphony.activities.debate;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import polyphony.activities.BatchSize;
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
 *
 * <p>A batch that does not fit into memory is sampled in halves, and so are those after it; what is
 * committed is the planned batch.
 */
final class SampledBatches {
  private final StepAttempt attempt;
  private final int batchSize;
  private final SamplingSettings settings;
  private final List<Batch> committed;
  private final BatchSize size;
  private int next;
  private final StepProgress progress;
  private final long total;
  private long rowsDone;

  /**
   * One prompt.
   *
   * @param index position of the question in its set
   * @param model whose continuation it is, as in {@link Speakers#place}
   */
  record Row(int index, int[] tokens, long seed, int model) {}

  /**
   * One commit.
   *
   * @param most rows that fitted into memory together; null where all did
   */
  private record Batch(
      List<Sampled> rows, @JsonInclude(JsonInclude.Include.NON_NULL) Integer most) {}

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
    this.size =
        new BatchSize(
            committed.stream()
                .map(Batch::most)
                .filter(Objects::nonNull)
                .min(Comparator.naturalOrder())
                .orElse(batchSize),
            () -> attempt.usage(StepManifest.HALVED_BATCHES, 1));
  }

  /**
   * One continuation per row, in their order; {@link Sampled#NOTHING} for a row that leaves no room
   * for a single token. Rows of like length stand in one batch, so that little is padding; the
   * order depends on the rows alone.
   *
   * @return empty where the attempt was asked to stop
   */
  Optional<List<Sampled>> sample(Speakers speakers, List<Row> rows) {
    List<Integer> planned =
        IntStream.range(0, rows.size())
            .boxed()
            .filter(each -> rows.get(each).tokens().length < speakers.context())
            .sorted(Comparator.comparingInt(each -> rows.get(each).tokens().length)) // stable
            .toList();
    rowsDone += rows.size() - planned.size();
    List<Sampled> sampled = new ArrayList<>(Collections.nCopies(rows.size(), Sampled.NOTHING));
    for (int from = 0; from < planned.size(); from += batchSize) {
      List<Integer> places = planned.subList(from, Math.min(from + batchSize, planned.size()));
      List<Row> batch = places.stream().map(rows::get).toList();
      List<Sampled> done;
      if (next < committed.size()) {
        done = committed.get(next).rows();
        check(batch, done);
      } else if (attempt.stopRequested()) {
        return Optional.empty();
      } else {
        int longest = rows.get(planned.get(planned.size() - 1)).tokens().length;
        int rowsAtMost = Math.min(batchSize, planned.size());
        size.fit(rowsAtMost, most -> speakers.fits(most, longest, settings.maxNewTokens()));
        Sampler sampler =
            speakers.sampler(Math.min(rowsAtMost, size.most()), longest, settings.maxNewTokens());
        long start = System.nanoTime();
        done = size.inBatches(batch, some -> sampleBatch(sampler, some));
        attempt.usage(StepManifest.MODEL_SECONDS, (System.nanoTime() - start) / 1e9);
        attempt.usage("sampledTokens", (double) tokens(done));
        attempt.commit(new Batch(done, size.most() < batchSize ? size.most() : null));
      }
      next++;
      rowsDone += batch.size();
      progress.report(rowsDone, total);
      for (int i = 0; i < places.size(); i++) {
        sampled.set(places.get(i), done.get(i));
      }
    }
    return Optional.of(sampled);
  }

  private List<Sampled> sampleBatch(Sampler sampler, List<Row> batch) {
    List<Sampler.Continuation> continuations =
        sampler.sample(
            batch.stream()
                .map(each -> new Sampler.Prompt(each.tokens(), each.seed(), each.model()))
                .toList(),
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
