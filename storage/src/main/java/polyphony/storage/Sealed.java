package polyphony.storage;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Records whose name does not tell their content, as an object's name does: JSON objects whose last
 * field, {@code seal}, is the SHA-256 of their bytes without it. Any byte of them that changes is
 * noticed.
 */
public final class Sealed {
  private static final String FIELD = ",\"seal\":\"";
  private static final int LENGTH = FIELD.length() + 64 + "\"}".length();
  private static final Pattern SEAL = Pattern.compile(FIELD + "([0-9a-f]{64})\"\\}");

  private Sealed() {}

  /**
   * Seals a record.
   *
   * @param json a JSON object with at least one field, without white space around it
   */
  public static byte[] seal(byte[] json) {
    byte[] end = (FIELD + Sha256.of(json) + "\"}").getBytes(StandardCharsets.US_ASCII);
    byte[] sealed = Arrays.copyOf(json, json.length - 1 + end.length);
    System.arraycopy(end, 0, sealed, json.length - 1, end.length);
    return sealed;
  }

  /** Whether a record ends as a sealed one does; those of versions before seals do not. */
  public static boolean isSealed(byte[] record) {
    return sealOf(record).matches();
  }

  /**
   * The record without its seal; one that has none is returned as it is.
   *
   * @throws IOException where the seal is not that of this content
   */
  public static byte[] content(byte[] record) throws IOException {
    Matcher seal = sealOf(record);
    if (!seal.matches()) {
      return record;
    }
    byte[] json = Arrays.copyOf(record, record.length - LENGTH + 1);
    json[json.length - 1] = '}';
    if (!Sha256.of(json).equals(seal.group(1))) {
      throw new IOException("its content does not match its seal");
    }
    return json;
  }

  private static Matcher sealOf(byte[] record) {
    int from = Math.max(0, record.length - LENGTH);
    return SEAL.matcher(
        new String(record, from, record.length - from, StandardCharsets.ISO_8859_1));
  }
}
