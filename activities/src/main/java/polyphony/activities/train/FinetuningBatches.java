package polyphony.activities.train;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import polyphony.activities.Seeds;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingExample;
import polyphony.workflows.Role;

/**
 * Every epoch is a pass over all examples in an order of its own; a step takes the next {@code
 * batchSize} of them, the last step of an epoch what is left. The order depends on the run's seed,
 * the model and the epoch, and on nothing else.
 */
public final class FinetuningBatches implements TrainingBatches {
  private final List<TrainingExample> examples;
  private final int batchSize;
  private final int stepsPerEpoch;
  private final int[][] orders;

  /**
   * @param examples at least one
   * @param epochs at least 1
   * @param batchSize at least 1
   */
  public FinetuningBatches(
      List<TrainingExample> examples,
      int epochs,
      int batchSize,
      long seed,
      Role role,
      int agent,
      int iteration) {
    if (examples.isEmpty() || epochs < 1 || batchSize < 1) {
      throw new IllegalArgumentException("examples, epochs and batchSize must be positive");
    }
    this.examples = List.copyOf(examples);
    this.batchSize = batchSize;
    this.stepsPerEpoch = Math.toIntExact((examples.size() + (long) batchSize - 1) / batchSize);
    this.orders = new int[epochs][];
    for (int epoch = 0; epoch < epochs; epoch++) {
      orders[epoch] =
          permutation(examples.size(), Seeds.order(seed, iteration, role, agent, epoch));
    }
  }

  @Override
  public int steps() {
    return Math.multiplyExact(stepsPerEpoch, orders.length);
  }

  @Override
  public List<TrainingExample> batch(int step) {
    int[] order = orders[step / stepsPerEpoch];
    int from = step % stepsPerEpoch * batchSize;
    return IntStream.range(from, Math.min(from + batchSize, order.length))
        .mapToObj(position -> examples.get(order[position]))
        .toList();
  }

  /** Fisher and Yates, with java.util.Random since its algorithm is part of its specification. */
  private static int[] permutation(int size, long seed) {
    Random random = new Random(seed);
    int[] order = IntStream.range(0, size).toArray();
    for (int i = size - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }
}
