package polyphony.workers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** What {@code --json} prints. */
final class PrettyJson {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private PrettyJson() {}

  static String of(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot write the results as JSON", e);
    }
  }
}
