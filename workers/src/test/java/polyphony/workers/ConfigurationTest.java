package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.activities.lm.Device;
import polyphony.storage.PolyphonyException;

/** The configuration file, and what wins over it. */
@DisabledOnOs(OS.WINDOWS)
class ConfigurationTest {
  private static final String S3 =
      """
      [s3]
      endpoint = "http://minio:9000"
      bucket = "polyphony"
      access_key = "hush-access"
      secret_key = "hush-secret"
      """;

  @TempDir private Path folder;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @Test
  void aFlagWinsOverTheEnvironmentAndThatOverTheFileAndThatOverTheDefault() throws IOException {
    Path file = file("slots = 3\nstore = \"from-file\"\nisolation = \"process\"");
    assertThat(Settings.of(named(file), 7).slots(Device.CPU)).isEqualTo(3);
    assertThat(Settings.of(named(file, "POLYPHONY_SLOTS", "5"), 7).slots(Device.CPU)).isEqualTo(5);
    assertThat(Settings.of(Map.of(), 7).slots(Device.CPU)).isEqualTo(7);
    Settings settings = Settings.of(named(file, "POLYPHONY_ISOLATION", "none"), 7);
    assertThat(settings.isolation(Device.CPU)).isEqualTo(Isolation.NONE);
    assertThat(settings.withIsolation("process").isolation(Device.CPU))
        .isEqualTo(Isolation.PROCESS);

    assertThat(storeThatIsMissing(Map.of())).isEqualTo(StoreFolder.DEFAULT);
    assertThat(storeThatIsMissing(named(file))).isEqualTo("from-file");
    Map<String, String> both = named(file, "POLYPHONY_STORE", "from-environment");
    assertThat(storeThatIsMissing(both)).isEqualTo("from-environment");
    assertThat(storeThatIsMissing(both, "--store", "from-flag")).isEqualTo("from-flag");
  }

  @Test
  void everySettingHasAKeyAndAVariable() throws IOException {
    Map<String, String> values =
        Map.of(
            "store",
            "\"a\"",
            "slots",
            "2",
            "device",
            "\"cpu\"",
            "deterministic",
            "true",
            "isolation",
            "\"process\"",
            "ui_address",
            "\"http://ui:8233\"",
            "reports_address",
            "\"http://reports:8234/\"",
            "webhook",
            "\"https://hooks.example/a-secret\"",
            "debug",
            "true");
    Path file =
        file(
            values.entrySet().stream()
                    .map(each -> each.getKey() + " = " + each.getValue() + "\n")
                    .collect(Collectors.joining())
                + S3
                + "region = \"here\"\n");
    Configuration configuration = Configuration.read(named(file));
    assertThat(configuration.values().keySet()).containsExactly(Setting.values());
    Settings settings = Settings.of(named(file), 7);
    assertThat(settings.uiAddress()).contains("http://ui:8233");
    assertThat(settings.reportsAddress()).contains("http://reports:8234");
    assertThat(settings.webhook()).hasToString("Optional[the webhook at hooks.example]");
    assertThat(settings.debug()).isTrue();
    assertThat(settings.s3().orElseThrow().region()).isEqualTo("here");
    assertThat(settings.s3().orElseThrow().secretKey()).isEqualTo("hush-secret");
    assertThat(Arrays.stream(Setting.values()).map(Setting::variable))
        .contains("POLYPHONY_UI_ADDRESS", "POLYPHONY_S3_ACCESS_KEY", "POLYPHONY_STORE");
  }

  @Test
  void theFileIsWhereTheEnvironmentLeadsAndNowhereElse() throws IOException {
    Path home = folder.resolve("home");
    Path xdg = folder.resolve("xdg");
    write(home.resolve(".config/polyphony/polyphony.toml"), "slots = 3");
    write(xdg.resolve("polyphony/polyphony.toml"), "slots = 4");
    Map<String, String> environment = new HashMap<>(Map.of("HOME", home.toString()));
    assertThat(Settings.of(environment, 7).slots(Device.CPU)).isEqualTo(3);
    environment.put("XDG_CONFIG_HOME", xdg.toString());
    assertThat(Settings.of(environment, 7).slots(Device.CPU)).isEqualTo(4);
    environment.put("XDG_CONFIG_HOME", "not-absolute");
    assertThat(Settings.of(environment, 7).slots(Device.CPU)).isEqualTo(3);
    environment.put("POLYPHONY_CONFIG_FILE", file("slots = 5").toString());
    assertThat(Settings.of(environment, 7).slots(Device.CPU)).isEqualTo(5);
    environment.put("POLYPHONY_CONFIG_FILE", "/dev/null");
    assertThat(Settings.of(environment, 7).slots(Device.CPU)).isEqualTo(7);
    assertThat(Configuration.read(Map.of()).file()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "slot = 3 | unknown key slot in FILE; did you mean slots?; known are store, slots",
        "'[s3]\nendpont = \"x\"' | unknown key s3.endpont in FILE; did you mean s3.endpoint?",
        "[s4] | unknown key s4 in FILE",
        "temporal = \"x\" | unknown key temporal in FILE; known are",
        "slots = [3] | slots in FILE must be one value",
        "s3 = \"x\" | unknown key s3 in FILE",
        "slots = \"many\" | slots in FILE is \"many\"; it must be a number from 1 to 1024",
        "isolation = \"thread\" | isolation in FILE is \"thread\"; it must be none or process",
        "'slots = 3\nhush = hush-secret' | FILE is not TOML (line 2); correct it"
      })
  void aMistakeNamesTheKeyAndTheFile(String content, String part) throws IOException {
    Path file = file(content.replace("'", "").replace("\\n", "\n"));
    assertThatThrownBy(() -> Settings.of(named(file), 7))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining(part.replace("FILE", file.toString()))
        .hasMessageNotContaining("hush-secret");
  }

  @Test
  void aFileThatIsNamedMustBeReadable() throws IOException {
    Path nowhere = folder.resolve("nowhere.toml");
    assertThatThrownBy(() -> Configuration.read(named(nowhere)))
        .hasMessageContaining("POLYPHONY_CONFIG_FILE names " + nowhere);
    assertThatThrownBy(() -> Configuration.read(named(folder)))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("cannot be read");
    Path large = file("# " + "x".repeat(70_000));
    assertThatThrownBy(() -> Configuration.read(named(large))).hasMessageContaining("64 KiB");
  }

  @Test
  void aSecretKeyThatOthersCanReadIsRefused() throws IOException {
    Path file = file(S3);
    assertThat(Configuration.read(named(file)).found()).isTrue();
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertThatThrownBy(() -> Configuration.read(named(file)))
        .isInstanceOf(PolyphonyException.class)
        .hasMessage(
            file + " holds s3.access_key, s3.secret_key and others can read it: chmod 600 " + file);
    Path webhook = file("webhook = \"https://host/hush-hush\"");
    assertThat(Settings.of(named(webhook), 2).webhook()).isPresent();
    Files.setPosixFilePermissions(webhook, PosixFilePermissions.fromString("rw-r--r--"));
    assertThatThrownBy(() -> Configuration.read(named(webhook)))
        .hasMessageStartingWith(webhook + " holds webhook and others can read it");
    Path harmless = file("slots = 3");
    Files.setPosixFilePermissions(harmless, PosixFilePermissions.fromString("rw-r--r--"));
    assertThat(Settings.of(named(harmless), 7).slots(Device.CPU)).isEqualTo(3);
  }

  @Test
  void whatIsShownToNobodyMustBeItsOwnersAloneAndHelpSaysSo() throws IOException {
    assertThat(run(Map.of(), "config", "--help")).isZero();
    for (Setting setting : Setting.values()) {
      // A dotted key is TOML too.
      Path file = file(setting.key() + " = \"x\"");
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
      if (setting.isSecret()) {
        // Lines may end at its dot.
        assertThat(told(out).replaceAll("\\s+", "")).contains(setting.key());
        assertThatThrownBy(() -> Configuration.read(named(file)))
            .hasMessageStartingWith(file + " holds " + setting.key() + " and others can read it");
      } else {
        assertThat(Configuration.read(named(file)).value(setting)).isPresent();
      }
    }
  }

  @Test
  void configShowsEveryValueAndWhereItComesFromAndNoKey() throws IOException {
    Path file = file("slots = 3\n" + S3);
    Map<String, String> environment = named(file, "POLYPHONY_S3_BUCKET", "mine");
    assertThat(run(environment, "config")).isZero();
    assertThat(told(out))
        .containsPattern("slots +3 +the file\n")
        .containsPattern("s3.bucket +mine +POLYPHONY_S3_BUCKET\n")
        .containsPattern("store +polyphony-store +default\n")
        .containsPattern("s3.region +us-east-1 +default\n")
        .containsPattern("s3.secret_key +\\*+ +the file\n")
        .containsPattern("ui_address +–\n")
        .contains("file: " + file + "\n", "Temporal: in this process\n");
    assertThat(run(environment, "config", "--json")).isZero();
    JsonNode shown = new ObjectMapper().readTree(told(out));
    assertThat(shown.path("file").asText()).isEqualTo(file.toString());
    assertThat(shown.path("settings")).hasSize(Setting.values().length);
    assertThat(shown.at("/settings/1").toString())
        .isEqualTo(
            "{\"key\":\"slots\",\"variable\":\"POLYPHONY_SLOTS\",\"value\":\"3\",\"source\":\"FILE\"}");
    assertThat(told(out) + told(err) + Configuration.read(environment)).doesNotContain("hush");
  }

  @Test
  void configShowsTheDefaultsOfAGpuWhereOneIsAskedFor() {
    assertThat(run(Map.of("POLYPHONY_DEVICE", "cuda:0"), "config")).isZero();
    assertThat(told(out))
        .containsPattern("slots +1 +default\n")
        .containsPattern("isolation +process +default\n");
  }

  @Test
  void aBrokenFileDoesNotKeepHelpFromAPerson() throws IOException {
    assertThat(run(named(file("slot = 3")), "run", "--help")).isZero();
    assertThat(run(named(file("slot = 3")), "list")).isEqualTo(Failure.INPUT);
    assertThat(told(err)).contains("unknown key slot").hasLineCount(1);
  }

  /** The store that a command would have used. */
  private String storeThatIsMissing(Map<String, String> environment, String... flags) {
    String[] arguments = new String[2 + flags.length];
    arguments[0] = "audit";
    arguments[1] = "mine";
    System.arraycopy(flags, 0, arguments, 2, flags.length);
    assertThat(run(environment, arguments)).isEqualTo(Failure.INPUT);
    return told(err).replaceFirst("(?s)polyphony: there is no store (.*); name its.*", "$1");
  }

  private int run(Map<String, String> environment, String... arguments) {
    out.reset();
    err.reset();
    return Polyphony.execute(
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            environment,
            false,
            100),
        Instruments.NONE,
        arguments);
  }

  private Path file(String content) throws IOException {
    return write(Files.createTempDirectory(folder, "file").resolve("polyphony.toml"), content);
  }

  private static Path write(Path file, String content) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    return file;
  }

  private static Map<String, String> named(Path file, String... more) {
    Map<String, String> environment = new HashMap<>();
    environment.put("POLYPHONY_CONFIG_FILE", file.toString());
    for (int i = 0; i < more.length; i += 2) {
      environment.put(more[i], more[i + 1]);
    }
    return environment;
  }

  private static String told(ByteArrayOutputStream stream) {
    return stream.toString(StandardCharsets.UTF_8);
  }
}
