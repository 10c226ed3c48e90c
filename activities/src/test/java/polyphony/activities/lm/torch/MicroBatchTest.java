package polyphony.activities.lm.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.activities.lm.TrainingExample;

class MicroBatchTest {
  @Test
  void rowsArePaddedOnTheRightAndTargetsAreTheTrainedTokens() {
    TrainingExample longer = example(new int[] {5, 6, 7, 8}, 1, 3);
    TrainingExample shorter = example(new int[] {9, 4, 3}, 2);

    assertThat(MicroBatch.cut(List.of(shorter, longer), 100, 1))
        .singleElement()
        .satisfies(
            batch -> {
              assertThat(batch.rows()).isEqualTo(2);
              assertThat(batch.length()).isEqualTo(3);
              assertThat(batch.tokens()).containsExactly(5, 6, 7, 9, 4, 0);
              assertThat(batch.positions()).containsExactly(0, 2, 4);
              assertThat(batch.targets()).containsExactly(6, 8, 3);
              assertThat(batch.realTokens()).isEqualTo(5);
              assertThat(batch.cost()).isEqualTo(6);
            });
  }

  @Test
  void whatFollowsTheLastTrainedTokenIsNotRead() {
    MicroBatch batch =
        MicroBatch.cut(List.of(example(new int[] {5, 6, 7, 8, 9}, 2)), 100, 1).get(0);

    assertThat(batch.tokens()).containsExactly(5, 6);
  }

  @Test
  void examplesWithoutTrainedTokensAreLeftOut() {
    assertThat(MicroBatch.cut(List.of(example(new int[] {5, 6})), 100, 2)).isEmpty();
  }

  @Test
  void noMicroBatchIsLargerThanAllowedUnlessOneExampleAloneIs() {
    List<MicroBatch> batches = MicroBatch.cut(ofLengths(3, 40, 5, 9, 8, 3, 3, 12), 20, 1);

    assertThat(batches).allMatch(batch -> batch.cost() <= 20 || batch.rows() == 1);
    assertThat(batches.stream().mapToInt(MicroBatch::rows).sum()).isEqualTo(8);
    assertThat(batches.get(0).length()).isEqualTo(40);
  }

  @Test
  void everyLaneGetsAboutEqualWork() {
    List<MicroBatch> batches = MicroBatch.cut(ofLengths(10, 10, 10, 10, 10, 10), 1000, 2);

    assertThat(batches).extracting(MicroBatch::cost).containsExactly(30, 30);
    assertThat(MicroBatch.deal(batches, 2)).allMatch(hand -> hand.size() == 1);
  }

  @Test
  void moreLanesThanExamplesLeaveLanesEmpty() {
    List<MicroBatch> batches = MicroBatch.cut(ofLengths(4, 5), 1000, 3);

    assertThat(MicroBatch.deal(batches, 3)).extracting(List::size).containsExactly(1, 1, 0);
  }

  @Test
  void examplesOfEqualLengthKeepTheirOrder() {
    TrainingExample first = example(new int[] {5, 6, 7}, 2);
    TrainingExample second = example(new int[] {8, 9, 4}, 2);

    assertThat(MicroBatch.cut(List.of(first, second), 100, 1).get(0).targets())
        .containsExactly(7, 4);
    assertThat(MicroBatch.cut(List.of(second, first), 100, 1).get(0).targets())
        .containsExactly(4, 7);
  }

  private static List<TrainingExample> ofLengths(int... inputs) {
    List<TrainingExample> examples = new ArrayList<>();
    for (int each : inputs) {
      int[] tokens = new int[each + 1];
      Arrays.fill(tokens, 3);
      examples.add(example(tokens, each));
    }
    return examples;
  }

  private static TrainingExample example(int[] tokens, int... trained) {
    boolean[] mask = new boolean[tokens.length];
    for (int each : trained) {
      mask[each] = true;
    }
    return new TrainingExample(tokens, mask);
  }
}
