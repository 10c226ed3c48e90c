package polyphony.workers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import polyphony.storage.PolyphonyException;

/**
 * What the environment and the configuration file say. A flag wins over the environment, the
 * environment over the file, and the file over the default.
 *
 * <p>The file is {@code POLYPHONY_CONFIG_FILE}, or else {@code polyphony/polyphony.toml} in {@code
 * XDG_CONFIG_HOME}, which is {@code .config} in {@code HOME} where it is not set. All of these come
 * from the environment that is handed in, so that nobody's own file is found where that is empty.
 *
 * @param file where it is looked for; absent where the environment does not lead to one
 * @param found whether it is there
 * @param values of the settings that are given
 */
record Configuration(Optional<Path> file, boolean found, Map<Setting, Value> values) {
  static final String FILE = "POLYPHONY_CONFIG_FILE";

  private static final String PREFIX = "POLYPHONY_";

  /** Variables with this prefix that are no settings of a process. */
  private static final List<String> OTHERS =
      List.of(
          FILE,
          "POLYPHONY_BUILD",
          "POLYPHONY_JAVA_OPTIONS",
          "POLYPHONY_TEST_DATA",
          "POLYPHONY_TEST_SERVERS");

  private static final int LARGEST_FILE = 1 << 16;
  private static final TomlMapper TOML = new TomlMapper();

  /** Who said it. */
  enum Source {
    ENVIRONMENT,
    FILE,
    DEFAULT
  }

  /**
   * What a setting was given.
   *
   * @param text without space around it, not empty
   * @param place such as {@code POLYPHONY_SLOTS}, or {@code slots in polyphony.toml}, for messages
   */
  record Value(String text, Source source, String place) {
    /** Without what may be a key. */
    @Override
    public String toString() {
      return place;
    }
  }

  Configuration {
    values = Collections.unmodifiableMap(new EnumMap<>(values));
  }

  /**
   * Reads the file that the environment leads to, and the environment over it.
   *
   * @throws PolyphonyException CONFIG for a variable or a key that does not exist, a file that is
   *     named and cannot be read, or one with a secret that others can read
   */
  static Configuration read(Map<String, String> environment) {
    checkNames(environment);
    EnumMap<Setting, Value> values = new EnumMap<>(Setting.class);
    Optional<Path> file = file(environment);
    boolean named = Settings.value(environment, FILE).isPresent();
    Optional<JsonNode> content = file.flatMap(each -> content(each, named));
    content.ifPresent(tables -> collect("", tables, file.orElseThrow(), values));
    List<Setting> secrets = values.keySet().stream().filter(Setting::isSecret).toList();
    if (!secrets.isEmpty()) {
      checkPrivate(file.orElseThrow(), secrets);
    }
    for (Setting setting : Setting.values()) {
      Settings.value(environment, setting.variable())
          .ifPresent(
              text -> values.put(setting, new Value(text, Source.ENVIRONMENT, setting.variable())));
    }
    return new Configuration(file, content.isPresent(), values);
  }

  Optional<Value> value(Setting setting) {
    return Optional.ofNullable(values.get(setting));
  }

  private static void checkNames(Map<String, String> environment) {
    Set<String> known = new TreeSet<>(OTHERS);
    Arrays.stream(Setting.values()).map(Setting::variable).forEach(known::add);
    for (String name : new TreeSet<>(environment.keySet())) {
      if (name.startsWith(PREFIX) && !known.contains(name)) {
        throw PolyphonyException.config(
            "unknown environment variable "
                + name
                + NearName.question(name, known)
                + "; known are "
                + String.join(", ", known));
      }
    }
  }

  private static Optional<Path> file(Map<String, String> environment) {
    return Settings.value(environment, FILE)
        .map(Path::of)
        .or(
            () ->
                Settings.value(environment, "XDG_CONFIG_HOME")
                    .map(Path::of)
                    // As the XDG base directory specification wants it.
                    .filter(Path::isAbsolute)
                    .or(
                        () ->
                            Settings.value(environment, "HOME")
                                .map(home -> Path.of(home, ".config")))
                    .map(folder -> folder.resolve("polyphony").resolve("polyphony.toml")));
  }

  /** The file's tables; empty where it is not there and nobody named it. */
  private static Optional<JsonNode> content(Path file, boolean named) {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(LARGEST_FILE + 1);
    } catch (NoSuchFileException e) {
      if (named) {
        throw PolyphonyException.config(
            FILE + " names " + file + ", which does not exist; correct it, or unset it");
      }
      return Optional.empty();
    } catch (IOException e) {
      throw PolyphonyException.config(
          "the configuration file "
              + file
              + " cannot be read ("
              + e.getClass().getSimpleName()
              + "); check its permissions");
    }
    if (bytes.length > LARGEST_FILE) {
      throw PolyphonyException.config(
          "the configuration file "
              + file
              + " is larger than "
              + (LARGEST_FILE >> 10)
              + " KiB; it can only hold settings");
    }
    try {
      return Optional.of(TOML.readTree(bytes));
    } catch (JsonProcessingException e) {
      // The parser's own message may show what stands there, such as a key.
      throw PolyphonyException.config(
          "the configuration file "
              + file
              + " is not TOML"
              + (e.getLocation() == null ? "" : " (line " + e.getLocation().getLineNr() + ")")
              + "; correct it");
    } catch (IOException e) {
      throw new IllegalStateException("bytes cannot fail to be read", e);
    }
  }

  private static void collect(
      String prefix, JsonNode table, Path file, Map<Setting, Value> values) {
    List<String> known = Arrays.stream(Setting.values()).map(Setting::key).toList();
    for (Map.Entry<String, JsonNode> entry : table.properties()) {
      String key = prefix + entry.getKey();
      JsonNode value = entry.getValue();
      Optional<Setting> setting =
          Arrays.stream(Setting.values()).filter(each -> each.key().equals(key)).findFirst();
      if (value.isObject() && known.stream().anyMatch(each -> each.startsWith(key + "."))) {
        collect(key + ".", value, file, values);
      } else if (setting.isEmpty()) {
        throw PolyphonyException.config(
            "unknown key "
                + key
                + " in "
                + file
                + NearName.question(key, known)
                + "; known are "
                + String.join(", ", known));
      } else if (value.isContainerNode()) {
        throw PolyphonyException.config(
            key + " in " + file + " must be one value, no list and no table");
      } else if (!value.asText().isBlank()) {
        values.put(
            setting.get(), new Value(value.asText().strip(), Source.FILE, key + " in " + file));
      }
    }
  }

  private static void checkPrivate(Path file, List<Setting> secrets) {
    Set<PosixFilePermission> permissions;
    try {
      permissions = Files.getPosixFilePermissions(file);
    } catch (UnsupportedOperationException e) {
      return; // This system keeps users apart in another way.
    } catch (IOException e) {
      throw PolyphonyException.config(
          "who can read the configuration file " + file + " cannot be told; check its permissions");
    }
    if (permissions.contains(PosixFilePermission.GROUP_READ)
        || permissions.contains(PosixFilePermission.OTHERS_READ)) {
      throw PolyphonyException.config(
          file
              + " holds "
              + secrets.stream().map(Setting::key).collect(Collectors.joining(", "))
              + " and others can read it: chmod 600 "
              + file);
    }
  }
}
