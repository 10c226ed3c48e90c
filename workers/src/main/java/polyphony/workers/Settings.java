package polyphony.workers;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import polyphony.storage.PolyphonyException;
import polyphony.storage.S3Settings;

/**
 * What the environment says about this process.
 *
 * @param temporal {@code TEMPORAL_ADDRESS} and the other variables of Temporal's own clients;
 *     absent: the service runs in this process
 * @param uiAddress {@code POLYPHONY_UI_ADDRESS}: Temporal's Web UI, for links, such as {@code
 *     http://localhost:8233}
 * @param s3 {@code POLYPHONY_S3_ENDPOINT}, {@code _BUCKET}, {@code _ACCESS_KEY} and {@code
 *     _SECRET_KEY}, {@code _REGION} where it matters; absent: artifacts lie in a folder
 * @param slots {@code POLYPHONY_SLOTS}: samplings, scorings and trainings at the same time, each on
 *     one thread; by default one per processor
 * @param isolation {@code POLYPHONY_ISOLATION}: {@code process} has each of those computed in a
 *     process of its own; by default {@code none} has
 * @param debug {@code POLYPHONY_DEBUG}: failures are shown with their trace
 */
public record Settings(
    Optional<TemporalSettings> temporal,
    Optional<String> uiAddress,
    Optional<S3Settings> s3,
    int slots,
    Isolation isolation,
    boolean debug) {
  static final int MAX_SLOTS = 1024;

  private static final String UI = "POLYPHONY_UI_ADDRESS";
  private static final String ISOLATION = "POLYPHONY_ISOLATION";
  private static final String REGION = "POLYPHONY_S3_REGION";
  private static final List<String> S3 =
      List.of(
          "POLYPHONY_S3_ENDPOINT",
          "POLYPHONY_S3_BUCKET",
          "POLYPHONY_S3_ACCESS_KEY",
          "POLYPHONY_S3_SECRET_KEY");
  private static final Set<String> OTHERS =
      Set.of(
          REGION,
          UI,
          ISOLATION,
          "POLYPHONY_SLOTS",
          "POLYPHONY_DEBUG",
          "POLYPHONY_JAVA_OPTIONS",
          "POLYPHONY_TEST_DATA",
          "POLYPHONY_TEST_SERVERS");

  /**
   * What this process's environment says.
   *
   * @throws PolyphonyException as {@link #of(Map, int)}
   */
  static Settings of(Console console) {
    return of(console.environment(), Runtime.getRuntime().availableProcessors());
  }

  /** These, with another number of slots. */
  Settings withSlots(int count) {
    if (count < 1 || count > MAX_SLOTS) {
      throw PolyphonyException.config(
          "--slots is " + count + "; it must be a number from 1 to " + MAX_SLOTS);
    }
    return new Settings(temporal, uiAddress, s3, count, isolation, debug);
  }

  /** These, with what {@link Isolation#OPTION} says; nothing changes where it is null. */
  Settings withIsolation(String value) {
    return value == null
        ? this
        : new Settings(
            temporal, uiAddress, s3, slots, Isolation.of(value, Isolation.OPTION), debug);
  }

  /**
   * Reads the environment's variables.
   *
   * @param processors used where {@code POLYPHONY_SLOTS} is absent
   * @throws PolyphonyException CONFIG for a value that cannot be, or a {@code POLYPHONY_} variable
   *     that does not exist
   */
  public static Settings of(Map<String, String> environment, int processors) {
    for (String name : new TreeSet<>(environment.keySet())) {
      if (name.startsWith("POLYPHONY_") && !S3.contains(name) && !OTHERS.contains(name)) {
        Set<String> known = new TreeSet<>(OTHERS);
        known.addAll(S3);
        throw PolyphonyException.config(
            "unknown environment variable " + name + "; known are " + String.join(", ", known));
      }
    }
    return new Settings(
        TemporalSettings.of(environment),
        value(environment, UI).map(Settings::uiAddress),
        s3(environment),
        value(environment, "POLYPHONY_SLOTS").map(Settings::slots).orElse(processors),
        value(environment, ISOLATION)
            .map(each -> Isolation.of(each, ISOLATION))
            .orElse(Isolation.NONE),
        value(environment, "POLYPHONY_DEBUG").filter(value -> !value.equals("0")).isPresent());
  }

  static Optional<String> value(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name)).map(String::strip).filter(v -> !v.isEmpty());
  }

  /**
   * The Temporal service, for what cannot be done without one.
   *
   * @param why what needs it, as the start of a sentence
   * @throws PolyphonyException CONFIG where none is named
   */
  TemporalSettings requireTemporal(String why) {
    return temporal.orElseThrow(
        () ->
            PolyphonyException.config(
                why
                    + " a Temporal service: set TEMPORAL_ADDRESS to its host and port, such as"
                    + " localhost:7233 (polyphony run alone works without)"));
  }

  /** An address of the Web UI, checked, without a slash at its end. */
  static String uiAddress(String value) {
    try {
      URI address = new URI(value);
      if (("http".equals(address.getScheme()) || "https".equals(address.getScheme()))
          && address.getHost() != null
          && address.getRawQuery() == null
          && address.getRawFragment() == null) {
        return value.replaceFirst("/+$", "");
      }
    } catch (URISyntaxException e) {
      // Falls through to the one message.
    }
    throw PolyphonyException.config(
        "the Web UI's address is \"" + value + "\"; it must be like http://localhost:8233");
  }

  private static int slots(String value) {
    try {
      int slots = Integer.parseInt(value);
      if (slots >= 1 && slots <= MAX_SLOTS) {
        return slots;
      }
    } catch (NumberFormatException e) {
      // Falls through to the one message.
    }
    throw PolyphonyException.config(
        "POLYPHONY_SLOTS is \"" + value + "\"; it must be a number from 1 to " + MAX_SLOTS);
  }

  private static Optional<S3Settings> s3(Map<String, String> environment) {
    List<Optional<String>> values = S3.stream().map(name -> value(environment, name)).toList();
    if (values.stream().noneMatch(Optional::isPresent)) {
      return Optional.empty();
    }
    for (int i = 0; i < S3.size(); i++) {
      if (values.get(i).isEmpty()) {
        throw PolyphonyException.config(
            S3.get(i) + " is not set; an S3 store needs " + String.join(", ", S3));
      }
    }
    return Optional.of(
        new S3Settings(
            values.get(0).orElseThrow(),
            values.get(1).orElseThrow(),
            value(environment, REGION).orElse(S3Settings.DEFAULT_REGION),
            values.get(2).orElseThrow(),
            values.get(3).orElseThrow()));
  }
}
