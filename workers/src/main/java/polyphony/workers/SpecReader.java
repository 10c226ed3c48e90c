package polyphony.workers;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ComparisonSpec;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.PolyphonyDataConverter;

/** Reads what a person wrote, strictly: a misspelt field must never run another experiment. */
final class SpecReader {
  static final int MAX_BYTES = 1 << 20;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private SpecReader() {}

  /** A spec in which nothing is set. */
  static ObjectNode empty() {
    return JSON.createObjectNode();
  }

  /**
   * Reads a spec's JSON object.
   *
   * @param file a path, or {@code -} for {@code in}
   * @throws PolyphonyException CONFIG with the place of the trouble
   */
  static ObjectNode read(String file, InputStream in) {
    boolean standardInput = file.equals("-");
    String source = standardInput ? "spec on standard input" : "spec file " + file;
    byte[] bytes;
    try (InputStream stream = standardInput ? in : Files.newInputStream(Path.of(file))) {
      bytes = stream.readNBytes(MAX_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw PolyphonyException.config(source + " does not exist; check the path");
    } catch (IOException e) {
      throw PolyphonyException.config(source + " cannot be read (" + e.getMessage() + ")");
    }
    if (bytes.length > MAX_BYTES) {
      throw PolyphonyException.config(source + " has more than " + MAX_BYTES + " bytes");
    }
    return parse(bytes, source);
  }

  private static ObjectNode parse(byte[] bytes, String source) {
    try {
      JsonNode node = JSON.readTree(bytes);
      if (node instanceof ObjectNode object) {
        return object;
      }
      if (node == null || node.isMissingNode() || node.isNull()) {
        return empty();
      }
    } catch (JsonParseException e) {
      throw PolyphonyException.config(
          source
              + " is not valid JSON: "
              + firstLine(e.getOriginalMessage())
              + place(e)
              + "; correct it");
    } catch (IOException e) {
      throw PolyphonyException.config(source + " is not valid JSON: " + firstLine(e.getMessage()));
    }
    throw PolyphonyException.config(source + " must be a JSON object such as {\"agents\": 3}");
  }

  /**
   * The spec that {@code json} writes, read as the workflow would.
   *
   * @throws polyphony.workflows.InvalidInputException naming the field and what is allowed
   */
  static ExperimentSpec spec(ObjectNode json) {
    return PolyphonyDataConverter.parse(bytes(json));
  }

  /** As {@link #spec}, of a comparison. */
  static ComparisonSpec comparison(ObjectNode json) {
    return PolyphonyDataConverter.parseComparison(bytes(json));
  }

  /**
   * Sets one field.
   *
   * @param path such as {@code training.critic.epochs}
   * @param value as JSON; what is none is a text
   * @throws PolyphonyException CONFIG where a part of the path is no object
   */
  static void set(ObjectNode spec, String path, String value) {
    String[] names = path.split("\\.", -1);
    ObjectNode owner = spec;
    for (int i = 0; i < names.length - 1; i++) {
      JsonNode next = owner.path(names[i]);
      if (next.isTextual()) {
        // A task or a method may be given by its name alone.
        next = JSON.createObjectNode().set("name", next);
        owner.set(names[i], next);
      } else if (next.isMissingNode() || next.isNull()) {
        next = owner.putObject(names[i]);
      }
      if (!(next instanceof ObjectNode object)) {
        throw PolyphonyException.config(
            "--set " + path + ": " + names[i] + " is " + next + ", which has no fields");
      }
      owner = object;
    }
    owner.set(names[names.length - 1], value(value));
  }

  private static JsonNode value(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      return JSON.getNodeFactory().textNode(text);
    }
  }

  private static byte[] bytes(ObjectNode json) {
    try {
      return JSON.writeValueAsBytes(json);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot write a JSON tree", e);
    }
  }

  private static String place(JsonProcessingException e) {
    return e.getLocation() == null
        ? ""
        : " (line "
            + e.getLocation().getLineNr()
            + ", column "
            + e.getLocation().getColumnNr()
            + ")";
  }

  private static String firstLine(String message) {
    return message == null ? "no further detail" : message.lines().findFirst().orElse("");
  }
}
