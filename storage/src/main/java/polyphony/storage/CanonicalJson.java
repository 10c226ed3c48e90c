package polyphony.storage;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import org.erdtman.jcs.JsonCanonicalizer;

/**
 * One value, one byte sequence: JSON in the canonical form of RFC 8785. What is hashed into a key
 * is written this way.
 *
 * <p>Fields that are null (or an empty Optional) are left out, so that a field added later, and not
 * used, changes no key. RFC 8785 numbers are IEEE doubles; an integer that a double does not hold
 * (beyond 2<sup>53</sup>), NaN and infinities are refused instead of silently sharing a key with
 * their neighbours: write them as strings.
 */
public final class CanonicalJson {
  private static final BigInteger LARGEST_INTEGER = BigInteger.ONE.shiftLeft(53);

  // Fields that a newer version wrote and this one does not know are passed over, so that workers
  // of two versions can share a store; what must not be shared has another step version.
  static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .addModule(new SimpleModule().addSerializer(new PlainOptional()))
          .build();

  private CanonicalJson() {}

  /** The canonical form in UTF-8. */
  public static byte[] bytes(Object value) {
    try {
      JsonNode tree = tree(value);
      // The canonicalizer takes objects and arrays only; a scalar is canonical inside an array.
      byte[] wrapped =
          new JsonCanonicalizer(MAPPER.writeValueAsString(MAPPER.createArrayNode().add(tree)))
              .getEncodedUTF8();
      return Arrays.copyOfRange(wrapped, 1, wrapped.length - 1);
    } catch (IOException e) {
      throw unwritable(value, e);
    }
  }

  public static String string(Object value) {
    return new String(bytes(value), StandardCharsets.UTF_8);
  }

  /** SHA-256 of the canonical form. */
  public static String sha256(Object value) {
    return Sha256.of(bytes(value));
  }

  /** The value as a JSON tree without null fields, every number and string checked. */
  static JsonNode tree(Object value) {
    JsonNode tree = plainTree(value);
    check(tree, "$");
    return tree;
  }

  /** The value as a JSON tree without null fields; numbers keep all their digits. */
  static JsonNode plainTree(Object value) {
    try {
      JsonNode tree = MAPPER.valueToTree(value);
      dropNulls(tree);
      return tree;
    } catch (IllegalArgumentException e) {
      throw unwritable(value, e);
    }
  }

  /** Reads a value that this package has written; anything else is an IOException. */
  static <T> T parsed(byte[] json, Class<T> type) throws IOException {
    T value = MAPPER.readValue(json, type);
    if (value == null) {
      throw new IOException("there is only null");
    }
    return value;
  }

  private static void dropNulls(JsonNode node) {
    if (node instanceof ObjectNode object) {
      Iterator<JsonNode> fields = object.elements();
      while (fields.hasNext()) {
        if (fields.next().isNull()) {
          fields.remove();
        }
      }
    }
    node.forEach(CanonicalJson::dropNulls);
  }

  private static void check(JsonNode node, String path) {
    if (node instanceof ObjectNode object) {
      for (Map.Entry<String, JsonNode> field : object.properties()) {
        checkText(field.getKey(), path);
        check(field.getValue(), path + "." + field.getKey());
      }
    } else if (node instanceof ArrayNode array) {
      for (int i = 0; i < array.size(); i++) {
        check(array.get(i), path + "[" + i + "]");
      }
    } else if (node.isTextual()) {
      checkText(node.textValue(), path);
    } else if (node.isIntegralNumber()) {
      if (node.bigIntegerValue().abs().compareTo(LARGEST_INTEGER) > 0) {
        throw refused(path, "the integer " + node.asText() + " is beyond 2^53");
      }
    } else if (node.isNumber() && !Double.isFinite(node.doubleValue())) {
      throw refused(path, node.asText() + " is no JSON number");
    } else if (node.isBinary() || node.isPojo()) {
      throw refused(path, "there is no JSON form of it");
    }
  }

  private static void checkText(String text, String path) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw refused(path, "the text holds half a surrogate pair");
    }
  }

  private static PolyphonyException refused(String path, String reason) {
    return PolyphonyException.data(
        "no canonical JSON of " + path + ": " + reason + "; write it as a string");
  }

  private static PolyphonyException unwritable(Object value, Exception cause) {
    String reason =
        cause instanceof JsonProcessingException json
            ? json.getOriginalMessage()
            : cause.getMessage();
    return new PolyphonyException(
        ErrorClass.BUG,
        "no JSON form of a "
            + (value == null ? "null" : value.getClass().getName())
            + ": "
            + reason,
        cause);
  }

  /** Without this, Jackson writes an Optional as {"present": true}. */
  private static final class PlainOptional extends StdSerializer<Optional<?>> {
    private static final long serialVersionUID = 1L;

    PlainOptional() {
      super(Optional.class, false);
    }

    @Override
    public void serialize(Optional<?> value, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      if (value.isPresent()) {
        provider.defaultSerializeValue(value.get(), json);
      } else {
        json.writeNull();
      }
    }
  }
}
