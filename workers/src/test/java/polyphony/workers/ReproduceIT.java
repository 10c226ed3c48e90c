package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every table and figure of the paper in miniature, with 20 questions, in one store: all rows and
 * all series are there.
 */
class ReproduceIT {
  @TempDir private static Path store;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  static Stream<String> names() {
    return Reproduction.NAMES.stream();
  }

  private String reproduce(String name, String... more) {
    out.reset();
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    String[] arguments =
        Stream.concat(
                Stream.of(
                    "reproduce",
                    name,
                    "--miniature",
                    "--questions",
                    "20",
                    "--seeds",
                    "0",
                    "--store",
                    store.toString()),
                Stream.of(more))
            .toArray(String[]::new);
    assertThat(Polyphony.execute(console, Assembly::of, arguments))
        .as(err.toString(StandardCharsets.UTF_8))
        .isZero();
    return out.toString(StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyRowAndEverySeriesIsThere(String name) throws Exception {
    Reproduction reproduction = Reproduction.named(name);
    List<String> methods =
        reproduction.miniature().withSeeds(List.of(0L)).experiments().stream()
            .map(each -> each.method())
            .toList();
    List<Map<String, String>> lines;
    try (MappingIterator<Map<String, String>> read =
        new CsvMapper()
            .readerFor(Map.class)
            .with(CsvSchema.emptySchema().withHeader())
            .readValues(reproduce(name, "--csv"))) {
      lines = read.readAll();
    }
    assertThat(lines.stream().map(each -> each.get("method")).distinct())
        .hasSameSizeAs(methods)
        .zipSatisfy(methods, (row, method) -> assertThat(row).startsWith(method));
    assertThat(lines)
        .allSatisfy(
            each -> {
              assertThat(each.get("questions")).isEqualTo("20");
              assertThat(Double.parseDouble(each.get("accuracy"))).isBetween(0.0, 1.0);
              assertThat(Double.parseDouble(each.get("answerTokens"))).isPositive();
            });
    boolean curve = reproduction.series() != null;
    for (String method : methods) {
      boolean trains =
          polyphony.workflows.Method.named(method).trains()
              != polyphony.workflows.Method.Trains.NOTHING;
      assertThat(lines)
          .filteredOn(each -> each.get("method").equals(method))
          .as(method)
          .hasSize(!trains ? 1 : curve ? 6 : 2);
    }
    if (curve) {
      String text = reproduce(name);
      for (Measure measure : reproduction.series()) {
        assertThat(text).contains(measure.label());
      }
      // A series has a value for every iteration: none is absent.
      assertThat(text.lines().filter(line -> methods.stream().anyMatch(line::startsWith)))
          .hasSize(methods.size() * reproduction.series().size())
          .noneMatch(line -> line.contains("–"));
    }
    // The second time, nothing is computed.
    if (name.equals("table-1")) {
      err.reset();
      assertThat(reproduce(name)).contains("rank").contains("multiagent-ft");
      assertThat(err.toString(StandardCharsets.UTF_8)).contains("6 experiments, 0 steps computed");
    }
  }
}
