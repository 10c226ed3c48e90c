package polyphony.workers;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import polyphony.activities.lm.Device;

/** {@code polyphony config}: what this process is told, and by whom. */
@Command(
    name = "config",
    header = "Shows every setting, its value, and where that comes from.",
    description = {
      "A flag wins over the environment, the environment over the configuration file, and the file"
          + " over the default. Keys and passwords are not shown.",
      "",
      "The file is TOML. POLYPHONY_CONFIG_FILE names it; by default it is",
      "  ~/.config/polyphony/polyphony.toml",
      "or, with XDG_CONFIG_HOME, polyphony/polyphony.toml there. A file with"
          + " s3.access_key, s3.secret_key or webhook must be its owner's alone (chmod 600). A setting's"
          + " variable is called like its key: POLYPHONY_S3_ENDPOINT is s3.endpoint.",
      "",
      "Temporal's settings stay in Temporal's own variables (TEMPORAL_ADDRESS and so on), and in its"
          + " file where TEMPORAL_CONFIG_FILE names one."
    },
    footer = {
      "",
      "Examples:",
      "  polyphony config",
      "  polyphony config --json",
      "",
      "A configuration file:",
      "  store = \"/data/polyphony\"",
      "  slots = 4",
      "  [s3]",
      "  endpoint = \"https://minio.example:9000\"",
      "  bucket = \"polyphony\""
    },
    mixinStandardHelpOptions = true)
final class ConfigCommand implements Callable<Integer> {
  private static final String ABSENT = "–";
  private static final String SECRET = "********";

  private final Console console;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  ConfigCommand(Console console) {
    this.console = console;
  }

  /**
   * What {@code config --json} prints.
   *
   * @param file where the configuration file is looked for; null where the environment leads to
   *     none
   * @param found whether it is there
   * @param temporal null: in this process
   */
  private record Shown(String file, boolean found, List<Row> settings, String temporal) {}

  /**
   * @param value null where there is none
   */
  private record Row(String key, String variable, String value, Configuration.Source source) {}

  @Override
  public Integer call() {
    Settings settings = Settings.of(console);
    Configuration given = Configuration.read(console.environment());
    Shown shown =
        new Shown(
            given.file().map(file -> file.toAbsolutePath().toString()).orElse(null),
            given.found(),
            Arrays.stream(Setting.values()).map(each -> row(each, given, settings)).toList(),
            settings.temporal().map(TemporalSettings::address).orElse(null));
    console.out().print(json ? PrettyJson.of(shown) + "\n" : text(shown));
    return 0;
  }

  private static Row row(Setting setting, Configuration given, Settings settings) {
    String value =
        given
            .value(setting)
            .map(each -> setting.isSecret() ? SECRET : each.text())
            .orElseGet(() -> byDefault(setting, settings));
    return new Row(
        setting.key(),
        setting.variable(),
        value,
        given.value(setting).map(Configuration.Value::source).orElse(Configuration.Source.DEFAULT));
  }

  /** What the defaults of others depend on. */
  private static Device asked(Settings settings) {
    return settings.device().orElse(Device.CPU);
  }

  /** What holds where nobody says anything; null for what then is not there. */
  private static String byDefault(Setting setting, Settings settings) {
    return switch (setting) {
      case STORE -> StoreFolder.DEFAULT;
      case SLOTS -> Integer.toString(settings.slots(asked(settings)));
      case ISOLATION -> settings.isolation(asked(settings)).name().toLowerCase(Locale.ROOT);
      case DEVICE -> Device.AUTO;
      case DETERMINISTIC -> Boolean.toString(settings.deterministic());
      case DEBUG -> Boolean.toString(settings.debug());
      case S3_REGION -> settings.s3().map(each -> each.region()).orElse(null);
      case UI_ADDRESS,
          REPORTS_ADDRESS,
          WEBHOOK,
          S3_ENDPOINT,
          S3_BUCKET,
          S3_ACCESS_KEY,
          S3_SECRET_KEY ->
          null;
    };
  }

  private static String text(Shown shown) {
    StringBuilder text = new StringBuilder();
    int width =
        shown.settings().stream().mapToInt(row -> text(row.value()).length()).max().orElseThrow();
    String format = "%-14s  %-" + Math.max(width, "value".length()) + "s  %s%n";
    text.append(String.format(Locale.ROOT, format, "setting", "value", "from"));
    for (Row row : shown.settings()) {
      String from =
          switch (row.source()) {
            case ENVIRONMENT -> row.variable();
            case FILE -> "the file";
            case DEFAULT -> row.value() == null ? "" : "default";
          };
      text.append(
          String.format(Locale.ROOT, format, row.key(), text(row.value()), from)
              .replaceFirst(" +\n$", "\n"));
    }
    text.append(shown.file() == null ? "" : "\nfile: " + shown.file())
        .append(shown.file() == null || shown.found() ? "" : " (not there)")
        .append("\nTemporal: ")
        .append(shown.temporal() == null ? "in this process" : shown.temporal())
        .append('\n');
    return text.toString();
  }

  private static String text(String value) {
    return value == null ? ABSENT : value;
  }
}
