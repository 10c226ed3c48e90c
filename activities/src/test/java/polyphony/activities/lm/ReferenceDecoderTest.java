package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReferenceDecoderTest {
  @TempDir Path folder;

  @Test
  void aPositionDoesNotSeeWhatFollowsIt() {
    ReferenceDecoder decoder = ReferenceDecoder.of(TinyModels.untied(folder));

    double[][] logits = decoder.logits(new int[] {1, 20, 5, 9, 13});
    double[][] changed = decoder.logits(new int[] {1, 20, 5, 4, 13});

    assertThat(Arrays.copyOf(changed, 3)).isDeepEqualTo(Arrays.copyOf(logits, 3));
    assertThat(changed[4]).isNotEqualTo(logits[4]);
  }

  @Test
  void theOrderOfEarlierTokensMatters() {
    ReferenceDecoder decoder = ReferenceDecoder.of(TinyModels.tied(folder));

    assertThat(decoder.logits(new int[] {1, 20, 5, 9})[3])
        .isNotEqualTo(decoder.logits(new int[] {1, 5, 20, 9})[3]);
  }

  @Test
  void theLossIsTheMeanOverTrainedTokensOfAllExamples() {
    ReferenceDecoder decoder = ReferenceDecoder.of(TinyModels.untied(folder));
    TrainingExample shorter = example(1, 20, 5);
    TrainingExample longer = example(1, 7, 8, 9, 2);

    double expected = (2 * decoder.loss(List.of(shorter)) + 4 * decoder.loss(List.of(longer))) / 6;

    assertThat(decoder.loss(List.of(shorter, longer))).isCloseTo(expected, within(1e-12));
  }

  @Test
  void aModelWhoseHeadIsZeroFindsEveryTokenEquallyLikely() {
    ReferenceDecoder decoder = ReferenceDecoder.of(TinyModels.untied(folder));
    Arrays.fill(decoder.weights().get("lm_head.weight"), 0);

    assertThat(decoder.loss(List.of(example(1, 7, 8)))).isCloseTo(Math.log(26), within(1e-12));
  }

  private static TrainingExample example(int... tokens) {
    boolean[] trained = new boolean[tokens.length];
    Arrays.fill(trained, 1, tokens.length, true);
    return new TrainingExample(tokens, trained);
  }
}
