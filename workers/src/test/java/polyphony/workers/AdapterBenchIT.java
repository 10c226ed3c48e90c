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

/** The bench of agents that share a base, with few rows. */
class AdapterBenchIT {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int bench(String... arguments) {
    out.reset();
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
  void allWaysAreMeasuredAndOneAloneWithItsMemory() throws IOException {
    assertThat(bench("bench", "adapters", "--rows=4", "--runs=1", "--json"))
        .as(err.toString(StandardCharsets.UTF_8))
        .isZero();
    JsonNode ways = new ObjectMapper().readTree(out.toByteArray()).path("ways");
    for (String way : new String[] {"together", "apart", "base"}) {
      assertThat(ways.path(way).path("tokensPerSecond").asDouble()).as(way).isPositive();
      assertThat(ways.path(way).path("shareOfBase").asDouble()).as(way).isPositive();
    }
    assertThat(bench("bench", "adapters", "--rows=4", "--runs=1", "--only=apart", "--json"))
        .isZero();
    ways = new ObjectMapper().readTree(out.toByteArray()).path("ways");
    assertThat(ways).hasSize(1);
    assertThat(ways.path("apart").path("memoryBytes").asLong()).isPositive();
  }

  @Test
  void rowsThatCannotBeSharedOutAreRefused() {
    assertThat(bench("bench", "adapters", "--rows=6")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("--rows must be a multiple of 4");
  }
}
