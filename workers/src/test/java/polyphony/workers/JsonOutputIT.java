package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.pretrain.CompactDialect;

/**
 * Programs read one JSON object on standard output and nothing else there, whichever command they
 * give. Those that need a Temporal service are in {@link ServerCommandsTest}.
 */
class JsonOutputIT {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  @TempDir private Path folder;

  @Test
  void everyCommandPrintsOneObject() throws IOException {
    JsonNode run =
        json(
            "run",
            "--experiment",
            "mine",
            "--agents",
            "2",
            "--iterations",
            "1",
            "--train-questions",
            "20",
            "--evaluate-questions",
            "10");
    assertThat(run.path("iterations")).hasSize(2);
    json("list");
    json("status", "mine");
    json("audit", "mine");
    json("lineage", "mine");
    json("lineage", "mine", "--question", "1");
    assertThat(json("lineage", "mine/iteration-001/generator-1", "--examples").path("examples"))
        .isNotEmpty();
    json("re-grade", "mine");
    json("compare", "mine");
    json(
        "compare",
        "--methods",
        "base,majority",
        "--seeds",
        "0",
        "--train-questions",
        "10",
        "--evaluate-questions",
        "10");
    json("prune");
    Path model = folder.resolve("model");
    NewLanguageModel.write(
        model,
        new DecoderConfig(
            NewLanguageModel.vocabularySize(CompactDialect.ALPHABET),
            16,
            2,
            2,
            1,
            8,
            32,
            10_000,
            1e-5,
            640,
            true),
        CompactDialect.ALPHABET,
        CompactDialect.SPECIAL_TOKENS,
        CompactDialect.CHAT_TEMPLATE,
        0,
        0.02f);
    assertThat(json("model", "import", model.toString()).path("checkpoint").asText()).hasSize(64);
    Path questions =
        Files.writeString(
            folder.resolve("questions.jsonl"),
            Stream.iterate(1, each -> each + 1)
                .limit(40)
                .map(
                    each ->
                        "{\"question\": \"What is %d times seven?\", \"answer\": \"%d\"}\n"
                            .formatted(each, 7 * each))
                .reduce("", String::concat));
    assertThat(json("data", "import", "own", questions.toString()).at("/data/splits")).isNotEmpty();
    assertThat(json("recompute", "mine", aStep()).path("answer").asText()).isNotBlank();
    assertThat(without("reproduce").path("table-1").asText()).isNotBlank();
    assertThat(without("version").path("java").asText()).isNotBlank();
    assertThat(without("config").path("settings")).isNotEmpty();
  }

  /** The key of one that is finished. */
  private String aStep() throws IOException {
    try (Stream<Path> steps = Files.list(folder.resolve("store").resolve("steps"))) {
      return steps.findFirst().orElseThrow().getFileName().toString().replace(".json", "");
    }
  }

  /** Of a command that uses the store. */
  private JsonNode json(String... arguments) throws IOException {
    return without(
        Stream.concat(
                Stream.of(arguments), Stream.of("--store", folder.resolve("store").toString()))
            .toArray(String[]::new));
  }

  private JsonNode without(String... arguments) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        Polyphony.execute(
            new Console(
                new ByteArrayInputStream(new byte[0]),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                Map.of(),
                false,
                100),
            Instruments.NONE,
            Stream.concat(Stream.of(arguments), Stream.of("--json")).toArray(String[]::new));
    assertThat(exitCode).as(err.toString(StandardCharsets.UTF_8)).isZero();
    return JSON.readValue(out.toString(StandardCharsets.UTF_8), ObjectNode.class);
  }
}
