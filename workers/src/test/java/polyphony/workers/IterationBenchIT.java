package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The bench of a whole iteration, at a size of which it takes seconds. */
class IterationBenchIT {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int bench(String... arguments) {
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    return Polyphony.execute(console, Assembly::of, arguments);
  }

  @Test
  void everyStepHasWork() throws IOException {
    assertThat(
            bench(
                "bench",
                "iteration",
                "--hidden=64",
                "--layers=1",
                "--feed-forward=64",
                "--vocabulary=500",
                "--json"))
        .as(err.toString(StandardCharsets.UTF_8))
        .isZero();
    JsonNode report = new ObjectMapper().readTree(out.toString(StandardCharsets.UTF_8));
    assertThat(report.path("phases").properties())
        .extracting(Map.Entry::getKey)
        .contains("debate", "vote", "split", "train", "evaluate");
    for (String kind : new String[] {"sample", "score", "train"}) {
      JsonNode work = report.path("work").path(kind);
      assertThat(work.path("tokens").asLong()).as(kind).isPositive();
      assertThat(work.path("seconds").asDouble()).as(kind).isPositive();
      assertThat(work.path("calls")).as(kind).isNotEmpty();
    }
    for (String role : new String[] {"generatorExamples", "criticExamples"}) {
      assertThat(report.path(role)).as(role).hasSize(3);
      assertThat(report.path(role)).as(role).allMatch(count -> count.asInt() > 0);
    }
  }

  @Test
  void anImpossibleShapeIsRefused() {
    assertThat(bench("bench", "iteration", "--hidden", "100")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("--hidden must be a multiple of 64");
  }
}
