package polyphony.workers;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import polyphony.activities.lm.Device;
import polyphony.activities.notify.Webhook;
import polyphony.storage.PolyphonyException;
import polyphony.storage.S3Settings;

/**
 * What this process is told by its environment and its configuration file; {@link Setting} names
 * every setting but Temporal's.
 *
 * @param temporal {@code TEMPORAL_ADDRESS} and the other variables of Temporal's own clients;
 *     absent: the service runs in this process
 * @param uiAddress Temporal's Web UI, for links, such as {@code http://localhost:8233}
 * @param reportsAddress where {@code polyphony serve} shows reports, for links, such as {@code
 *     http://localhost:8234}
 * @param webhook who is told that an experiment has ended, or needs attention; absent: nobody
 * @param s3 absent: artifacts lie in a folder
 * @param device what models are computed on; absent: the first GPU, if there is all that it needs
 * @param deterministic whether what is computed on a GPU has equal bits every time, too
 * @param processors of this machine
 * @param givenSlots see {@link #slots}
 * @param givenIsolation see {@link #isolation}
 * @param debug failures are shown with their trace
 */
public record Settings(
    Optional<TemporalSettings> temporal,
    Optional<String> uiAddress,
    Optional<String> reportsAddress,
    Optional<Webhook> webhook,
    Optional<S3Settings> s3,
    Optional<Device> device,
    boolean deterministic,
    int processors,
    OptionalInt givenSlots,
    Optional<Isolation> givenIsolation,
    boolean debug) {
  static final int MAX_SLOTS = 1024;

  /** Where Temporal's Web UI is by default. */
  static final String WEB_UI = "http://localhost:8233";

  private static final String REPORTS = "http://localhost:8234";

  private static final List<Setting> S3 =
      List.of(Setting.S3_ENDPOINT, Setting.S3_BUCKET, Setting.S3_ACCESS_KEY, Setting.S3_SECRET_KEY);

  /**
   * What this process is told.
   *
   * @throws PolyphonyException as {@link #of(Map, int)}
   */
  static Settings of(Console console) {
    return of(console.environment(), Runtime.getRuntime().availableProcessors());
  }

  /**
   * Samplings, scorings and trainings at the same time: by default one per processor, each on one
   * thread, and one on a GPU.
   */
  int slots(Device on) {
    return givenSlots.orElse(on instanceof Device.Cuda ? 1 : processors);
  }

  /**
   * Whether each of those is computed in a process of its own: by default on a GPU, where a failure
   * of native code spoils the device for its process.
   */
  Isolation isolation(Device on) {
    return givenIsolation.orElse(on instanceof Device.Cuda ? Isolation.PROCESS : Isolation.NONE);
  }

  /** These, with another number of slots. */
  Settings withSlots(int count) {
    if (count < 1 || count > MAX_SLOTS) {
      throw PolyphonyException.config(
          "--slots is " + count + "; it must be a number from 1 to " + MAX_SLOTS);
    }
    return with(device, OptionalInt.of(count), givenIsolation);
  }

  /** These, with what {@link Isolation#OPTION} says; nothing changes where it is null. */
  Settings withIsolation(String value) {
    return value == null
        ? this
        : with(device, givenSlots, Optional.of(Isolation.of(value, Isolation.OPTION)));
  }

  /** These, with what {@link DeviceOption#NAME} says; nothing changes where it is null. */
  Settings withDevice(String value) {
    return value == null
        ? this
        : with(Device.of(value, DeviceOption.NAME), givenSlots, givenIsolation);
  }

  private Settings with(
      Optional<Device> otherDevice, OptionalInt slots, Optional<Isolation> isolation) {
    return new Settings(
        temporal,
        uiAddress,
        reportsAddress,
        webhook,
        s3,
        otherDevice,
        deterministic,
        processors,
        slots,
        isolation,
        debug);
  }

  /**
   * Reads the environment's variables, and the configuration file that they lead to.
   *
   * @param processors used where no number of slots is given
   * @throws PolyphonyException CONFIG for a value that cannot be, and as {@link Configuration#read}
   */
  public static Settings of(Map<String, String> environment, int processors) {
    Configuration given = Configuration.read(environment);
    return new Settings(
        TemporalSettings.of(environment),
        given.value(Setting.UI_ADDRESS).map(each -> address(each, WEB_UI)),
        given.value(Setting.REPORTS_ADDRESS).map(each -> address(each, REPORTS)),
        given.value(Setting.WEBHOOK).map(each -> Webhook.of(each.text(), each.place())),
        s3(given),
        given.value(Setting.DEVICE).flatMap(each -> Device.of(each.text(), each.place())),
        isOn(given, Setting.DETERMINISTIC),
        processors,
        given.value(Setting.SLOTS).map(Settings::slots).orElse(OptionalInt.empty()),
        given.value(Setting.ISOLATION).map(each -> Isolation.of(each.text(), each.place())),
        isOn(given, Setting.DEBUG));
  }

  private static boolean isOn(Configuration given, Setting setting) {
    return given
        .value(setting)
        .filter(each -> !each.text().equals("0") && !each.text().equals("false"))
        .isPresent();
  }

  /** Where an experiment can be looked at in the Web UI, as far as that is known. */
  Optional<String> link(String experiment) {
    return temporal.flatMap(
        service -> uiAddress.map(ui -> new WebUi(ui, service.namespace()).experiment(experiment)));
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

  /** An address for links, checked, without a slash at its end. */
  private static String address(Configuration.Value given, String example) {
    return address(given.text(), given.place(), example);
  }

  /**
   * As above.
   *
   * @param place where it was given, for the message
   * @param example of one, for the message
   */
  static String address(String value, String place, String example) {
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
    throw PolyphonyException.config(place + " is \"" + value + "\"; it must be like " + example);
  }

  private static OptionalInt slots(Configuration.Value given) {
    try {
      int slots = Integer.parseInt(given.text());
      if (slots >= 1 && slots <= MAX_SLOTS) {
        return OptionalInt.of(slots);
      }
    } catch (NumberFormatException e) {
      // Falls through to the one message.
    }
    throw PolyphonyException.config(
        given.place() + " is \"" + given.text() + "\"; it must be a number from 1 to " + MAX_SLOTS);
  }

  private static Optional<S3Settings> s3(Configuration given) {
    if (S3.stream().allMatch(setting -> given.value(setting).isEmpty())) {
      return Optional.empty();
    }
    return Optional.of(
        new S3Settings(
            required(given, Setting.S3_ENDPOINT),
            required(given, Setting.S3_BUCKET),
            given
                .value(Setting.S3_REGION)
                .map(Configuration.Value::text)
                .orElse(S3Settings.DEFAULT_REGION),
            required(given, Setting.S3_ACCESS_KEY),
            required(given, Setting.S3_SECRET_KEY)));
  }

  private static String required(Configuration given, Setting setting) {
    return given
        .value(setting)
        .map(Configuration.Value::text)
        .orElseThrow(
            () ->
                PolyphonyException.config(
                    setting.variable()
                        + " is not set; an S3 store needs "
                        + S3.stream().map(Setting::variable).collect(Collectors.joining(", "))
                        + ", or these keys of the configuration file's table s3: endpoint, bucket,"
                        + " access_key, secret_key"));
  }
}
