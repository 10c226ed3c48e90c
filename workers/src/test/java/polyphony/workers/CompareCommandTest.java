package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command does with experiments is seen at the end of {@link ResumesIT}. */
class CompareCommandTest {
  @TempDir private Path folder;

  private String refused(String... names) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    String[] arguments = new String[names.length + 3];
    arguments[0] = "compare";
    arguments[1] = "--store";
    arguments[2] = folder.toString();
    System.arraycopy(names, 0, arguments, 3, names.length);
    assertThat(Polyphony.execute(console, Assembly::of, arguments)).isEqualTo(2);
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void anExperimentThatTheStoreDoesNotHaveIsNamed() {
    assertThat(refused("absent"))
        .contains("the store has no experiment absent")
        .contains("--store");
  }

  @Test
  void aPathIsNoName() {
    assertThat(refused("../x")).contains("an experiment cannot be called \"../x\"");
  }

  @Test
  void thereIsNoIterationBeforeTheUntunedSociety() {
    assertThat(refused("--iterations", "-1", "any")).contains("--iterations is -1");
  }

  @Test
  void somethingMustBeCompared() {
    assertThat(refused()).contains("name experiments").contains("--methods");
  }

  @Test
  void whatIsRunIsNotNamed() {
    assertThat(refused("--methods", "base", "mine")).contains("leave the names out");
  }

  @Test
  void whatCannotBeRunIsSaidBeforeAnythingIsStarted() {
    assertThat(refused("--methods", "bass", "--seeds", "0"))
        .contains("methods[0]: method is \"bass\", allowed: base");
    assertThat(refused("--seeds", "0,0")).contains("seeds[1] repeats seeds[0]");
    assertThat(refused("--spec", "absent.json")).contains("absent.json does not exist");
    assertThat(refused("--methods", "base", "--json", "--csv")).contains("mutually exclusive");
  }
}
