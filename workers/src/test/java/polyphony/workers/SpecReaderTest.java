package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.InvalidInputException;
import polyphony.workflows.TaskSpec;

class SpecReaderTest {
  @TempDir private Path folder;

  @Test
  void anEmptySpecLeavesEverythingOpen() {
    assertThat(SpecReader.spec(SpecReader.empty())).isEqualTo(ExperimentSpec.empty());
    assertThat(read("")).isEqualTo(ExperimentSpec.empty());
    assertThat(read("null")).isEqualTo(ExperimentSpec.empty());
  }

  @Test
  void flagsWinOverTheFilesFields() {
    SpecFlags flags = new SpecFlags();
    flags.agents = 5;
    flags.seed = 7L;
    ExperimentSpec spec =
        SpecReader.spec(flags.over(SpecReader.read("-", stream("{\"agents\": 3, \"rounds\": 1}"))));
    assertThat(spec.agents()).isEqualTo(5);
    assertThat(spec.rounds()).isEqualTo(1);
    assertThat(spec.seed()).isEqualTo(7L);
  }

  @Test
  void everyFlagStandsForItsField() {
    SpecFlags flags = new SpecFlags();
    flags.experiment = "mine";
    flags.method = "debate";
    flags.task = "arithmetic";
    flags.agents = 4;
    flags.rounds = 3;
    flags.iterations = 2;
    flags.seed = 1L;
    flags.trainQuestions = 24;
    flags.evaluateQuestions = 48;
    flags.tuning = "lora";
    ExperimentSpec spec = SpecReader.spec(flags.over(SpecReader.empty()));
    assertThat(spec.experiment()).isEqualTo("mine");
    assertThat(spec.method()).isEqualTo("debate");
    assertThat(spec.task()).isEqualTo(new TaskSpec("arithmetic", 24, 48, null));
    assertThat(spec.agents()).isEqualTo(4);
    assertThat(spec.rounds()).isEqualTo(3);
    assertThat(spec.iterations()).isEqualTo(2);
    assertThat(spec.seed()).isEqualTo(1L);
    assertThat(spec.training().tuning()).isEqualTo("lora");
  }

  @Test
  void aTaskFlagKeepsTheFilesCountsHoweverTheTaskIsWritten() {
    SpecFlags flags = new SpecFlags();
    flags.evaluateQuestions = 9;
    assertThat(
            SpecReader.spec(flags.over(SpecReader.read("-", stream("{\"task\": \"arithmetic\"}"))))
                .task())
        .isEqualTo(new TaskSpec("arithmetic", null, 9, null));
    assertThat(
            SpecReader.spec(
                    flags.over(
                        SpecReader.read(
                            "-", stream("{\"task\": {\"name\": \"other\", \"train\": 4}}"))))
                .task())
        .isEqualTo(new TaskSpec("other", 4, 9, null));
  }

  @Test
  void anotherTaskIsEvaluatedOnByFlags() {
    SpecFlags flags = new SpecFlags();
    flags.operands = 9;
    flags.evaluateOn = "arithmetic";
    flags.evaluateOperands = 60;
    flags.evaluateQuestions = 8;
    flags.questions = "fresh";
    ExperimentSpec spec = SpecReader.spec(flags.over(SpecReader.empty()));
    assertThat(spec.questions()).isEqualTo("fresh");
    assertThat(spec.task().operands()).isEqualTo(9);
    assertThat(spec.task().evaluate()).isNull();
    assertThat(spec.evaluateOn().name()).isEqualTo("arithmetic");
    assertThat(spec.evaluateOn().operands()).isEqualTo(60);
    assertThat(spec.evaluateOn().evaluate()).isEqualTo(8);
    SpecFlags count = new SpecFlags();
    count.evaluateQuestions = 7;
    assertThat(
            SpecReader.spec(count.over(SpecReader.read("-", stream("{\"evaluateOn\": \"gsm8k\"}"))))
                .evaluateOn())
        .isEqualTo(new TaskSpec("gsm8k", null, 7, null));
  }

  @Test
  void flagsDoNotChangeWhatTheyAreLaidOver() {
    SpecFlags flags = new SpecFlags();
    flags.agents = 5;
    var written = SpecReader.read("-", stream("{\"agents\": 3}"));
    flags.over(written);
    assertThat(written.path("agents").asInt()).isEqualTo(3);
  }

  @Test
  void aFieldWrittenTwiceIsRefused() {
    refused("{\"agents\": 3, \"agents\": 4}", "agents", "line 1");
  }

  @Test
  void whatIsNotAnObjectIsRefused() {
    refused("[1]", "JSON object");
    refused("{\"agents\": 3", "not valid JSON");
    refused("{} {}", "not valid JSON");
    refused("agents: 3", "not valid JSON");
  }

  @Test
  void aMissingFileIsNamed() {
    String file = folder.resolve("none.json").toString();
    assertThatThrownBy(() -> SpecReader.read(file, InputStream.nullInputStream()))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining(file)
        .hasMessageContaining("does not exist");
  }

  @Test
  void aFolderIsNoSpecFile() {
    assertThatThrownBy(() -> SpecReader.read(folder.toString(), InputStream.nullInputStream()))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("cannot be read");
  }

  @Test
  void aHugeFileIsNotReadToItsEnd() throws IOException {
    Path file = folder.resolve("huge.json");
    Files.write(file, new byte[SpecReader.MAX_BYTES + 1]);
    assertThatThrownBy(() -> SpecReader.read(file.toString(), InputStream.nullInputStream()))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("more than");
  }

  @Test
  void anUnknownFieldIsNamedWithWhatIsAllowed() {
    assertThatThrownBy(() -> read("{\"agent\": 3}"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("agent")
        .hasMessageContaining("agents");
  }

  private static ExperimentSpec read(String json) {
    return SpecReader.spec(SpecReader.read("-", stream(json)));
  }

  private static void refused(String json, String... parts) {
    assertThatThrownBy(() -> SpecReader.read("-", stream(json)))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> {
              assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG);
              assertThat(e.getMessage()).contains("standard input").doesNotContain("\n");
              assertThat(e.getMessage()).contains(parts);
            });
  }

  private static InputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }
}
