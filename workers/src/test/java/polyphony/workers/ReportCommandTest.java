package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ArtifactRef;
import polyphony.storage.CanonicalJson;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.Sealed;
import polyphony.storage.Sha256;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.ModelDefaults;
import polyphony.workflows.SpecDefaults;

/** What stands in a report is seen where it is written, in the activities. */
class ReportCommandTest {
  @TempDir private Path folder;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... arguments) {
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

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  /** The record of an experiment of which nothing is finished. */
  private Path storeWith(String name) {
    Path store = folder.resolve("store");
    ArtifactRef some = new ArtifactRef("a".repeat(64), 1, "application/json", "some.json");
    Experiment experiment =
        new Experiment(
            name,
            SpecDefaults.complete(ExperimentSpec.empty(), ModelDefaults.NONE).withName(name),
            some,
            some,
            some,
            some,
            new Experiment.BatchPlan(250, 50),
            Map.of());
    try (FolderObjectStore objects = new FolderObjectStore(store)) {
      objects.write(
          "experiments/" + name + "/experiment.json", Sealed.seal(CanonicalJson.bytes(experiment)));
    }
    return store;
  }

  @Test
  void theFileIsTheArtifactThatTheStoreKeeps() throws Exception {
    Path store = storeWith("mine");
    Path file = folder.resolve("out.html");
    assertThat(
            run(
                "report",
                "mine",
                "--store",
                store.toString(),
                "--output",
                file.toString(),
                "--json"))
        .isZero();
    JsonNode written = new JsonMapper().readTree(out.toByteArray());
    assertThat(written.path("name").asText()).isEqualTo("mine");
    assertThat(written.path("file").asText()).isEqualTo(file.toString());
    assertThat(written.path("bytes").asLong()).isEqualTo(Files.size(file));
    assertThat(written.path("artifact").path("sha256").asText()).isEqualTo(Sha256.of(file));
    assertThat(written.path("key").asText()).isEqualTo("experiments/mine/report.json");
    assertThat(store.resolve("objects").resolve(Sha256.of(file))).hasSameBinaryContentAs(file);
    assertThat(store.resolve("experiments/mine/report.json")).exists();
    try (var left = Files.list(folder)) {
      assertThat(left).containsExactlyInAnyOrder(store, file);
    }
  }

  @Test
  void peopleAreToldWhereItIs() {
    Path store = storeWith("mine");
    Path file = folder.resolve("out.html");
    assertThat(run("report", "mine", "--store", store.toString(), "--output", file.toString()))
        .isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .startsWith(file + ": ")
        .endsWith("kB, kept in the store as experiments/mine/report.json\n")
        .hasLineCount(1);
  }

  @Test
  void whatTheStoreDoesNotHaveIsNamed() {
    assertThat(run("report", "absent", "--store", folder.toString())).isEqualTo(2);
    assertThat(errors())
        .contains("the store has no experiment and no comparison absent; check its name")
        .hasLineCount(1);
  }

  @Test
  void aStoreThatIsNotThereIsNamedAndNotMade() {
    Path nowhere = folder.resolve("nowhere");
    assertThat(run("report", "mine", "--store", nowhere.toString())).isEqualTo(2);
    assertThat(errors()).contains("there is no store " + nowhere);
    assertThat(nowhere).doesNotExist();
  }

  @Test
  void aFileThatCannotBeWrittenIsNamed() {
    Path file = folder.resolve("no-such-folder/out.html");
    assertThat(
            run(
                "report",
                "mine",
                "--store",
                storeWith("mine").toString(),
                "--output",
                file.toString()))
        .isEqualTo(2);
    assertThat(errors()).contains("cannot write " + file).contains("--output").hasLineCount(1);
  }

  @Test
  void somethingMustBeNamed() {
    assertThat(run("report")).isEqualTo(2);
    assertThat(errors()).contains("EXPERIMENT|COMPARISON");
  }
}
