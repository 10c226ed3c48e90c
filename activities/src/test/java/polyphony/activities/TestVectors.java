package polyphony.activities;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Test vectors outside the repository, below the folder that POLYPHONY_TEST_DATA names. */
public final class TestVectors {
  private TestVectors() {}

  /** The file's content; without the folder, the test that asks is left out and says so. */
  public static JsonNode read(String name) throws IOException {
    String folder = System.getenv("POLYPHONY_TEST_DATA");
    Assumptions.assumeTrue(
        folder != null,
        () -> "left out for want of vectors/" + name + ": set POLYPHONY_TEST_DATA to run it");
    return new JsonMapper().readTree(Path.of(folder, "vectors", name).toFile());
  }
}
