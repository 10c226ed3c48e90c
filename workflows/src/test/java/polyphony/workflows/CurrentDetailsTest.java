package polyphony.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CurrentDetailsTest {
  @Test
  void whatMattersLeastIsLeftOutWhereThereIsNoRoom() {
    List<ParkedStep> parked =
        Collections.nCopies(
            40, new ParkedStep("train critic 1", "DATA", "ü".repeat(2000), "it keeps its weights"));
    List<String> reports = IntStream.range(0, 100).mapToObj(i -> "iteration " + i + ":").toList();
    String details =
        new CurrentDetails()
            .bullet("phase: train")
            .attention(true, parked)
            .newest(reports)
            .toString();
    assertThat(details.getBytes(StandardCharsets.UTF_8).length).isBetween(1900, 2000);
    assertThat(details)
        .startsWith("- phase: train\n- paused by an operator")
        .contains("…\n", "37 more steps need attention")
        .endsWith("\n- iteration 99:")
        .doesNotContain("iteration 0:");
  }

  @Test
  void thereMayBeNothingToAdd() {
    assertThat(
            new CurrentDetails()
                .bullet("phase: done")
                .attention(false, List.of())
                .newest(List.of("a", "b")))
        .hasToString("- phase: done\n- a\n- b");
  }
}
