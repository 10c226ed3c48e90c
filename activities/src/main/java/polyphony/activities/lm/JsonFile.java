package polyphony.activities.lm;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** A small JSON object that came with a model and is therefore not trusted. */
final class JsonFile {
  private static final long MAX_BYTES = 1 << 20;
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private JsonFile() {}

  /**
   * @throws PolyphonyException DATA where the file is absent, larger than 1 MiB or not one JSON
   *     object
   */
  static JsonNode read(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw PolyphonyException.data(file + ": larger than 1 MiB, not a model configuration");
      }
      JsonNode json = JSON.readTree(Files.readAllBytes(file));
      if (json == null || !json.isObject()) {
        throw PolyphonyException.data(file + ": not a JSON object; copy the model folder again");
      }
      return json;
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, file + ": cannot be read as JSON; copy the model folder again", e);
    }
  }
}
