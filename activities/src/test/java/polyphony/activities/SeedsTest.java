package polyphony.activities;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import polyphony.activities.Seeds.Kind;
import polyphony.workflows.Purpose;

class SeedsTest {
  @Test
  void everyPartOfASeedMatters() {
    Set<Long> seeds = new HashSet<>();
    int count = 0;
    for (long run : new long[] {0, 1}) {
      for (Purpose purpose : Purpose.values()) {
        for (int small = 0; small < 16; small++) {
          for (Kind kind : Kind.values()) {
            seeds.add(
                Seeds.continuation(
                    run,
                    purpose,
                    small & 1,
                    "q" + (small >> 1 & 1),
                    small >> 2 & 1,
                    1 + (small >> 3),
                    kind,
                    0));
            count++;
          }
        }
      }
    }
    assertThat(seeds).hasSize(count);
    assertThat(Seeds.continuation(0, Purpose.EVALUATE, 0, "q0", 0, 1, Kind.ANSWER, 1))
        .isNotIn(seeds);
  }

  @Test
  void seedsNeverChange() {
    // From Python: int.from_bytes(sha256(b'["sample","0","finetune","1","1+2*3+4-5*6","2","1",'
    // b'"answer","0"]').digest()[:8], "big", signed=True)
    assertThat(Seeds.continuation(0, Purpose.FINETUNE, 1, "1+2*3+4-5*6", 2, 1, Kind.ANSWER, 0))
        .isEqualTo(-997213513399208004L);
    assertThat(Seeds.tie(-1, Purpose.EVALUATE, 0, "q")).isEqualTo(-399021428441722579L);
  }
}
