package polyphony.storage;

import java.util.regex.Pattern;

/** The syntax of keys: see {@link ObjectStore}. It keeps every key inside the store's folder. */
final class ObjectKey {
  private static final int LONGEST = 512;

  // A leading dot is kept for the folder store's own files; a segment is a file name of at most 200
  // characters because file systems end at 255.
  private static final Pattern SYNTAX =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,199})*");

  private ObjectKey() {}

  static String checked(String key) {
    if (key == null || key.length() > LONGEST || !SYNTAX.matcher(key).matches()) {
      String shown = key == null ? "null" : key.substring(0, Math.min(80, key.length()));
      throw PolyphonyException.data(
          "not an object key: \""
              + shown.replaceAll("[^\\x20-\\x7e]", "?")
              + "\" (allowed: letters, digits, '.', '_' and '-' between single slashes, at most "
              + LONGEST
              + " characters)");
    }
    return key;
  }

  static String checkedPrefix(String prefix) {
    if (!prefix.isEmpty()) {
      checked(prefix.endsWith("/") ? prefix.substring(0, prefix.length() - 1) : prefix);
    }
    return prefix;
  }
}
