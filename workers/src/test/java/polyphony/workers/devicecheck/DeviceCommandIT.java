package polyphony.workers.devicecheck;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.workers.Console;
import polyphony.workers.Instruments;
import polyphony.workers.Polyphony;

/** The check of a device, on this machine's processors. */
class DeviceCommandIT {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @TempDir private Path folder;

  private int check(String... arguments) {
    List<String> all = new ArrayList<>(List.of("bench", "device", "--device=cpu"));
    all.add("--scratch=" + folder);
    all.addAll(List.of(arguments));
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    return Polyphony.execute(console, Instruments.NONE, all.toArray(new String[0]));
  }

  @Test
  void theProcessorsAgreeInTheirOtherFormsAndEveryPartIsDone() throws IOException {
    Path json = folder.resolve("device.json");
    int status = check("--reduced", "--json=" + json);

    String text = out.toString(StandardCharsets.UTF_8);
    assertThat(status).as(text + err).isZero();
    assertThat(text.lines()).allMatch(line -> line.length() <= 100);
    JsonNode report = new ObjectMapper().readTree(json.toFile());
    assertThat(report.path("passed").asBoolean()).isTrue();
    assertThat(whats(report, "not-done", each -> true)).isEmpty();
    List<String> verdicts = whats(report, "verdict", each -> each.path("passed").asBoolean());
    for (ModelShape shape : ModelShape.VARIATIONS) {
      for (String what :
          List.of("divergence", "greedy", "sampled", "full", "full, recomputed", "LoRA, recomp")) {
        assertThat(verdicts).anyMatch(each -> each.startsWith(shape.name()) && each.contains(what));
      }
    }
    assertThat(verdicts).anyMatch(each -> each.startsWith("full, killed and resumed"));
    assertThat(verdicts).anyMatch(each -> each.startsWith("LoRA, killed and resumed"));
    assertThat(whats(report, "ceiling", each -> each.path("perSecond").asDouble() > 0)).hasSize(2);
    assertThat(whats(report, "speed", each -> each.path("tokensPerSecond").asDouble() > 0))
        .hasSize(6);
  }

  @Test
  void whatHasNoTimeIsNotVerified() {
    assertThat(check("--limit=1")).isEqualTo(1);
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("a training is killed: no time left", "NOT everything");
  }

  private static List<String> whats(JsonNode report, String kind, Predicate<JsonNode> wanted) {
    List<String> whats = new ArrayList<>();
    for (JsonNode finding : report.path("findings")) {
      if (finding.path("kind").asText().equals(kind) && wanted.test(finding)) {
        whats.add(finding.path("what").asText());
      }
    }
    return whats;
  }
}
