package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What a real shell completes. */
@DisabledOnOs(OS.WINDOWS)
class CompletionTest {
  @TempDir private Path folder;

  @Test
  void bashCompletesCommandsOptionsAndValues() throws Exception {
    assertThat(completed("polyphony", "re")).contains("resume", "reproduce", "re-grade", "retry");
    assertThat(completed("polyphony", "run", "--ev")).contains("--evaluate-on");
    assertThat(completed("polyphony", "run", "--method", "maj"))
        .containsExactly("majority", "majority-ft");
    assertThat(completed("polyphony", "worker", "--isolation", ""))
        .containsExactly("none", "process");
    assertThat(completed("polyphony", "run", "--device", "c")).containsExactly("cpu", "cuda:0");
    assertThat(completed("polyphony", "data", "import", "--answers", "c"))
        .containsExactly("choice");
    assertThat(completed("polyphony", "completion", "")).contains("bash", "zsh");
  }

  /** What is offered for the last of some words. */
  private List<String> completed(String... words) throws IOException, InterruptedException {
    Path script = Files.write(folder.resolve("completion"), script());
    ProcessBuilder builder = new ProcessBuilder();
    builder
        .command()
        .addAll(
            List.of(
                "bash",
                "--norc",
                "-c",
                "source <(cat "
                    + script
                    + "); COMP_WORDS=(\"$@\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=();"
                    + " _complete_polyphony; printf '%s\\n' \"${COMPREPLY[@]}\"",
                "bash"));
    builder.command().addAll(List.of(words));
    Process process = builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
    process.getOutputStream().close();
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .map(String::strip)
            .toList();
    assertThat(process.waitFor()).as("%s", lines).isZero();
    return lines;
  }

  private static byte[] script() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    assertThat(
            Polyphony.execute(
                new Console(InputStream.nullInputStream(), stream, stream, Map.of(), false, 100),
                Instruments.NONE,
                "completion",
                "bash"))
        .isZero();
    return out.toByteArray();
  }
}
