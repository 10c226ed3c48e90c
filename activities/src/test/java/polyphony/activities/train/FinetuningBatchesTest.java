package polyphony.activities.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import polyphony.activities.lm.TrainingExample;
import polyphony.workflows.Role;

class FinetuningBatchesTest {
  private static List<TrainingExample> examples(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> new TrainingExample(new int[] {i, i}, new boolean[] {false, true}))
        .toList();
  }

  private static FinetuningBatches batches(
      int count, int epochs, int batchSize, long seed, Role role, int agent, int iteration) {
    return new FinetuningBatches(examples(count), epochs, batchSize, seed, role, agent, iteration);
  }

  private static List<Integer> order(FinetuningBatches batches, int from, int to) {
    List<Integer> order = new ArrayList<>();
    for (int step = from; step < to; step++) {
      batches.batch(step).forEach(example -> order.add(example.tokens()[0]));
    }
    return order;
  }

  @Test
  void everyEpochIsAPassOverAllExamplesInAnOrderOfItsOwn() {
    FinetuningBatches batches = batches(10, 3, 4, 7, Role.CRITIC, 1, 2);
    assertThat(batches.steps()).isEqualTo(9);
    List<List<Integer>> epochs = new ArrayList<>();
    for (int epoch = 0; epoch < 3; epoch++) {
      epochs.add(order(batches, 3 * epoch, 3 * epoch + 3));
      assertThat(epochs.get(epoch)).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    }
    assertThat(epochs).doesNotHaveDuplicates();
  }

  @Test
  void theLastBatchOfAnEpochHoldsWhatIsLeft() {
    FinetuningBatches batches = batches(10, 2, 4, 7, Role.CRITIC, 1, 2);
    assertThat(IntStream.range(0, 6).map(step -> batches.batch(step).size()))
        .containsExactly(4, 4, 2, 4, 4, 2);
  }

  @Test
  void aStepIsTheSameWheneverItIsAsked() {
    FinetuningBatches one = batches(10, 2, 4, 7, Role.CRITIC, 1, 2);
    FinetuningBatches other = batches(10, 2, 4, 7, Role.CRITIC, 1, 2);
    other.batch(0);
    assertThat(order(one, 4, 5)).isEqualTo(order(other, 4, 5));
    assertThat(order(one, 4, 5)).isEqualTo(order(one, 4, 5));
  }

  @Test
  void seedRoleAgentAndIterationEachChangeTheOrder() {
    assertThat(
            List.of(
                order(batches(50, 1, 8, 7, Role.CRITIC, 1, 2), 0, 7),
                order(batches(50, 1, 8, 8, Role.CRITIC, 1, 2), 0, 7),
                order(batches(50, 1, 8, 7, Role.GENERATOR, 1, 2), 0, 7),
                order(batches(50, 1, 8, 7, Role.CRITIC, 0, 2), 0, 7),
                order(batches(50, 1, 8, 7, Role.CRITIC, 1, 3), 0, 7)))
        .doesNotHaveDuplicates();
  }

  @Test
  void batchesLargerThanTheSetAreTheSet() {
    assertThat(batches(3, 2, 100, 7, Role.CRITIC, 1, 2).steps()).isEqualTo(2);
  }
}
