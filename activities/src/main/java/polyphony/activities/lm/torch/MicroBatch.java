package polyphony.activities.lm.torch;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import polyphony.activities.lm.TrainingExample;

/**
 * Examples of one step that are computed together, padded on the right to the longest. An example
 * ends where its last trained token is predicted: what comes after cannot influence the loss.
 *
 * @param number its place among the micro-batches of the step, from 0
 * @param rows number of examples
 * @param length padded length of every row
 * @param tokens {@code [rows * length]}, row-major; padding is token 0
 * @param positions where a trained token is predicted: indices into {@code tokens}, ascending
 * @param targets the token to predict at each of {@code positions}
 * @param realTokens tokens without padding
 * @param textLengths {@code [rows]}: tokens of each whole example, with those that are cut off
 */
record MicroBatch(
    int number,
    int rows,
    int length,
    long[] tokens,
    long[] positions,
    long[] targets,
    int realTokens,
    int[] textLengths) {

  /** Padded tokens: what the computation costs. */
  int cost() {
    return rows * length;
  }

  /**
   * Cuts a step's examples: sorted by length, longest first (equal lengths keep their order), then
   * cut into runs of at most {@code mostTokens} padded tokens. The number of runs is a multiple of
   * {@code lanes} where there are enough examples, and the largest run is as small as that number
   * allows, so that lanes finish together. Examples without trained tokens are left out: they add
   * nothing to the loss.
   */
  static List<MicroBatch> cut(List<TrainingExample> examples, int mostTokens, int lanes) {
    List<TrainingExample> sorted = new ArrayList<>();
    for (TrainingExample example : examples) {
      if (inputs(example) > 0) {
        sorted.add(example);
      }
    }
    if (sorted.isEmpty()) {
      return List.of();
    }
    sorted.sort(Comparator.comparingInt(MicroBatch::inputs).reversed());
    int least = cuts(sorted, mostTokens).size();
    int runs = Math.min(sorted.size(), (least + lanes - 1) / lanes * lanes);
    int low = 1;
    int high = Math.max(mostTokens, inputs(sorted.get(0)));
    while (low < high) {
      int middle = low + (high - low) / 2;
      if (cuts(sorted, middle).size() <= runs) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    List<MicroBatch> batches = new ArrayList<>();
    int from = 0;
    for (int to : cuts(sorted, low)) {
      batches.add(of(batches.size(), sorted.subList(from, to)));
      from = to;
    }
    return batches;
  }

  /**
   * Deals micro-batches out to {@code lanes}, dearest first, each to the lane with the least so far
   * (the first of equals).
   */
  static List<List<MicroBatch>> deal(List<MicroBatch> batches, int lanes) {
    List<List<MicroBatch>> hands = new ArrayList<>();
    for (int lane = 0; lane < lanes; lane++) {
      hands.add(new ArrayList<>());
    }
    long[] load = new long[lanes];
    List<MicroBatch> dearestFirst = new ArrayList<>(batches);
    dearestFirst.sort(Comparator.comparingInt(MicroBatch::cost).reversed());
    for (MicroBatch batch : dearestFirst) {
      int lane = 0;
      for (int other = 1; other < lanes; other++) {
        if (load[other] < load[lane]) {
          lane = other;
        }
      }
      hands.get(lane).add(batch);
      load[lane] += batch.cost();
    }
    return hands;
  }

  /** Ends (exclusive) of greedy runs over examples sorted longest first. */
  private static List<Integer> cuts(List<TrainingExample> sorted, int mostTokens) {
    List<Integer> ends = new ArrayList<>();
    int from = 0;
    while (from < sorted.size()) {
      int rows = Math.max(1, mostTokens / inputs(sorted.get(from)));
      from = Math.min(sorted.size(), from + rows);
      ends.add(from);
    }
    return ends;
  }

  /** Tokens that must be read to predict the last trained one; 0 where none is trained. */
  private static int inputs(TrainingExample example) {
    int last = example.tokens().length - 1;
    while (last > 0 && !example.trained()[last]) {
      last--;
    }
    return last;
  }

  /** One micro-batch of these examples, longest first. */
  private static MicroBatch of(int number, List<TrainingExample> examples) {
    int length = inputs(examples.get(0));
    int trained = examples.stream().mapToInt(TrainingExample::trainedTokens).sum();
    long[] tokens = new long[Math.multiplyExact(examples.size(), length)];
    long[] positions = new long[trained];
    long[] targets = new long[trained];
    int realTokens = 0;
    int next = 0;
    for (int row = 0; row < examples.size(); row++) {
      TrainingExample example = examples.get(row);
      int inputs = inputs(example);
      realTokens += inputs;
      for (int i = 0; i < inputs; i++) {
        tokens[row * length + i] = example.tokens()[i];
        if (example.trained()[i + 1]) {
          positions[next] = (long) row * length + i;
          targets[next++] = example.tokens()[i + 1];
        }
      }
    }
    int[] textLengths = examples.stream().mapToInt(example -> example.tokens().length).toArray();
    return new MicroBatch(
        number, examples.size(), length, tokens, positions, targets, realTokens, textLengths);
  }
}
