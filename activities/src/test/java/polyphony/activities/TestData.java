package polyphony.activities;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** Published data outside the repository, below the folder that POLYPHONY_TEST_DATA names. */
public final class TestData {
  private static final JsonMapper JSON = new JsonMapper();

  private TestData() {}

  /** A file or folder of it; without the folder, the test that asks is left out and says so. */
  public static Path path(String name) {
    String folder = System.getenv("POLYPHONY_TEST_DATA");
    Assumptions.assumeTrue(
        folder != null,
        () -> "left out for want of " + name + ": set POLYPHONY_TEST_DATA to run it");
    return Path.of(folder, name);
  }

  /** A file with one JSON object a line. */
  public static List<JsonNode> lines(String name) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(path(name))) {
      if (!line.isBlank()) {
        lines.add(JSON.readTree(line));
      }
    }
    return lines;
  }
}
