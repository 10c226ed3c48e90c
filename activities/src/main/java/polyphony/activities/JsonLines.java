package polyphony.activities;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** Artifacts with one JSON object a line. Equal values give equal bytes. */
public final class JsonLines {
  public static final String MEDIA_TYPE = "application/jsonl";

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private JsonLines() {}

  public static byte[] write(List<?> values) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      for (Object value : values) {
        bytes.write(JSON.writeValueAsBytes(value));
        bytes.write('\n');
      }
    } catch (IOException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot write as JSON: " + e.getMessage(), e);
    }
    return bytes.toByteArray();
  }

  /**
   * @throws PolyphonyException DATA with the line's number
   */
  public static <T> List<T> read(byte[] bytes, Class<T> type) {
    ObjectReader reader = JSON.readerFor(type);
    List<T> values = new ArrayList<>();
    int number = 0;
    for (String line : new String(bytes, StandardCharsets.UTF_8).split("\n", -1)) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      try {
        values.add(reader.readValue(line));
      } catch (IOException e) {
        throw new PolyphonyException(
            ErrorClass.DATA,
            "line " + number + " is not a " + type.getSimpleName() + ": " + e.getMessage(),
            e);
      }
    }
    return values;
  }
}
