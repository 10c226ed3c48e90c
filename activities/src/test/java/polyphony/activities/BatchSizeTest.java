package polyphony.activities;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class BatchSizeTest {
  private int halved;
  private final List<Integer> done = new ArrayList<>();

  @Test
  void whatDoesNotFitIsDoneInHalvesAndSoIsWhatFollows() {
    BatchSize size = new BatchSize(Integer.MAX_VALUE, () -> halved++);
    assertThat(size.inBatches(numbers(10), batch -> work(batch, 3)))
        .containsExactlyElementsOf(numbers(10));
    assertThat(done).containsExactly(3, 3, 3, 1);
    assertThat(halved).isEqualTo(2);
    assertThat(size.most()).isEqualTo(3);
    size.inBatches(numbers(7), batch -> work(batch, 3));
    assertThat(halved).as("found out once").isEqualTo(2);
  }

  @Test
  void whereOneAloneDoesNotFitItFails() {
    BatchSize size = new BatchSize(4, () -> halved++);
    assertThatThrownBy(() -> size.inBatches(numbers(4), batch -> work(batch, 0)))
        .hasMessage("1 do not fit");
    assertThat(done).isEmpty();
  }

  @Test
  void otherFailuresAreNoReasonToHalve() {
    BatchSize size = new BatchSize(4, () -> halved++);
    assertThatThrownBy(
            () ->
                size.inBatches(
                    numbers(4),
                    batch -> {
                      throw PolyphonyException.data("broken");
                    }))
        .hasMessage("broken");
    assertThat(halved).isZero();
  }

  @Test
  void aPlanHalvesBeforeAnythingIsTried() {
    BatchSize size = new BatchSize(Integer.MAX_VALUE, () -> halved++);
    size.fit(50, batch -> batch <= 20);
    assertThat(size.most()).isEqualTo(13);
    assertThat(halved).isEqualTo(2);
    size.fit(50, batch -> batch <= 20);
    assertThat(halved).isEqualTo(2);
  }

  @Test
  void whereNothingWouldFitThePlanChangesNothing() {
    BatchSize size = new BatchSize(8, () -> halved++);
    size.fit(50, batch -> false);
    assertThat(size.most()).isEqualTo(8);
    assertThat(halved).isZero();
  }

  private List<Integer> work(List<Integer> batch, int room) {
    if (batch.size() > room) {
      throw new PolyphonyException(ErrorClass.OUT_OF_MEMORY, batch.size() + " do not fit");
    }
    done.add(batch.size());
    return List.copyOf(batch);
  }

  private static List<Integer> numbers(int count) {
    return IntStream.range(0, count).boxed().toList();
  }
}
