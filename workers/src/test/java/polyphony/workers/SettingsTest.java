package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.Device;
import polyphony.storage.PolyphonyException;
import polyphony.storage.S3Settings;

class SettingsTest {
  private static final Map<String, String> S3 =
      Map.of(
          "POLYPHONY_S3_ENDPOINT", "http://minio:9000",
          "POLYPHONY_S3_BUCKET", "polyphony",
          "POLYPHONY_S3_ACCESS_KEY", "the-access-key",
          "POLYPHONY_S3_SECRET_KEY", "the-secret-key");

  @Test
  void anEmptyEnvironmentMeansEverythingInThisProcess() {
    assertThat(Settings.of(Map.of("PATH", "/bin"), 2))
        .isEqualTo(
            new Settings(
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                false,
                2,
                OptionalInt.empty(),
                Optional.empty(),
                false));
  }

  @Test
  void everyVariableIsRead() {
    Settings settings =
        Settings.of(
            Map.of(
                "TEMPORAL_ADDRESS",
                "temporal:7233",
                "TEMPORAL_NAMESPACE",
                "research",
                "POLYPHONY_UI_ADDRESS",
                "http://localhost:8233/",
                "POLYPHONY_WEBHOOK",
                "https://hooks.example.com/T1/secret",
                "POLYPHONY_SLOTS",
                "8",
                "POLYPHONY_ISOLATION",
                "process",
                "POLYPHONY_DEVICE",
                "cuda:1",
                "POLYPHONY_DETERMINISTIC",
                "true",
                "POLYPHONY_DEBUG",
                "1"),
            2);
    assertThat(settings.temporal().orElseThrow().address()).isEqualTo("temporal:7233");
    assertThat(settings.temporal().orElseThrow().namespace()).isEqualTo("research");
    assertThat(settings.uiAddress()).contains("http://localhost:8233");
    assertThat(settings.webhook().orElseThrow().address())
        .hasToString("https://hooks.example.com/T1/secret");
    assertThat(settings.link("mine"))
        .contains("http://localhost:8233/namespaces/research/workflows/mine");
    assertThat(settings.slots(Device.CPU)).isEqualTo(8);
    assertThat(settings.isolation(Device.CPU)).isEqualTo(Isolation.PROCESS);
    assertThat(settings.withIsolation(null).isolation(Device.CPU)).isEqualTo(Isolation.PROCESS);
    assertThat(settings.withIsolation("none").isolation(Device.CPU)).isEqualTo(Isolation.NONE);
    assertThat(settings.device()).contains(new Device.Cuda(1));
    assertThat(settings.withDevice(null).device()).contains(new Device.Cuda(1));
    assertThat(settings.withDevice("cpu").device()).contains(Device.CPU);
    assertThat(settings.withDevice("auto").device()).isEmpty();
    assertThat(settings.deterministic()).isTrue();
    assertThat(settings.debug()).isTrue();
    assertThat(Settings.of(S3, 2).s3())
        .contains(
            new S3Settings(
                "http://minio:9000", "polyphony", "us-east-1", "the-access-key", "the-secret-key"));
  }

  @Test
  void keysAreNeverPrinted() {
    assertThat(Settings.of(S3, 2).toString()).contains("minio").doesNotContain("-key");
    Settings cloud =
        Settings.of(Map.of("TEMPORAL_ADDRESS", "cloud:7233", "TEMPORAL_API_KEY", "hush-hush"), 2);
    assertThat(cloud.toString()).contains("cloud:7233").doesNotContain("hush-hush");
  }

  @Test
  void temporalIsReachedAsItsOwnClientsReachIt() {
    Settings settings =
        Settings.of(
            Map.of(
                "TEMPORAL_ADDRESS",
                "cloud:7233",
                "TEMPORAL_API_KEY",
                "secret",
                "TEMPORAL_GRPC_META_TEAM",
                "blue"),
            2);
    TemporalSettings temporal = settings.temporal().orElseThrow();
    assertThat(temporal.namespace()).isEqualTo("default");
    assertThat(temporal.service().getTarget()).isEqualTo("cloud:7233");
    assertThat(temporal.service().getEnableHttps()).as("a key turns TLS on").isTrue();
    assertThat(temporal.service().getGrpcMetadataProviders()).isNotEmpty();
  }

  @Test
  void temporalsConfigurationFileIsReadOnlyWhereItIsNamed(@TempDir Path folder) throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("temporal.toml"),
            "[profile.default]\naddress = \"from-file:7233\"\nnamespace = \"research\"\n");
    Settings named = Settings.of(Map.of("TEMPORAL_CONFIG_FILE", file.toString()), 2);
    assertThat(named.temporal().orElseThrow().address()).isEqualTo("from-file:7233");
    assertThat(named.temporal().orElseThrow().namespace()).isEqualTo("research");
    Settings overridden =
        Settings.of(
            Map.of("TEMPORAL_CONFIG_FILE", file.toString(), "TEMPORAL_ADDRESS", "here:7233"), 2);
    assertThat(overridden.temporal().orElseThrow().address()).isEqualTo("here:7233");
    refused(Map.of("TEMPORAL_CONFIG_FILE", file.toString(), "TEMPORAL_PROFILE", "none"), "none");
  }

  @Test
  void aCertificateThatCannotBeReadIsRefused() {
    Settings settings =
        Settings.of(
            Map.of(
                "TEMPORAL_ADDRESS",
                "cloud:7233",
                "TEMPORAL_TLS_CLIENT_CERT_PATH",
                "/nowhere/cert.pem",
                "TEMPORAL_TLS_CLIENT_KEY_PATH",
                "/nowhere/key.pem"),
            2);
    assertThatThrownBy(() -> settings.temporal().orElseThrow().service())
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("TEMPORAL_TLS");
  }

  @Test
  void aWebUiThatIsNoAddressIsRefused() {
    refused(Map.of("POLYPHONY_UI_ADDRESS", "localhost:8233"), "localhost:8233", "http://");
  }

  @Test
  void reportsThatAreAtNoAddressAreRefusedWithAnExampleOfTheirs() {
    refused(
        Map.of("POLYPHONY_REPORTS_ADDRESS", "reports:8234"),
        "POLYPHONY_REPORTS_ADDRESS",
        "like http://localhost:8234");
  }

  @Test
  void aWebhookThatIsNoAddressIsRefusedAndNeverPrinted() {
    for (String address :
        new String[] {
          "hush-hush",
          "ftp://host/hush-hush",
          "https:///hush-hush",
          "https://user:hush-hush@host/",
          "https://host/#hush-hush",
          "https://host:65536/hush-hush",
          "https://host/hush-hush there"
        }) {
      refused(Map.of("POLYPHONY_WEBHOOK", address), "POLYPHONY_WEBHOOK", "https://host/path");
    }
    assertThat(
            Settings.of(Map.of("POLYPHONY_WEBHOOK", "https://host/hush?key=hush-hush"), 2)
                .toString())
        .contains("the webhook at host")
        .doesNotContain("hush");
  }

  @Test
  void withoutAServiceThereIsNothingToLinkTo() {
    assertThat(Settings.of(Map.of("POLYPHONY_UI_ADDRESS", "http://localhost:8233"), 2).link("mine"))
        .isEmpty();
  }

  @Test
  void anUnknownVariableOfOursIsRefused() {
    refused(Map.of("POLYPHONY_SLOT", "2"), "POLYPHONY_SLOT;", "POLYPHONY_SLOTS");
  }

  @Test
  void aNumberOfSlotsThatCannotBeIsRefused() {
    for (String value : new String[] {"0", "-1", "two", "1025", "99999999999"}) {
      refused(Map.of("POLYPHONY_SLOTS", value), "POLYPHONY_SLOTS", value, "1 to 1024");
    }
  }

  @Test
  void anIsolationThatCannotBeIsRefused() {
    refused(Map.of("POLYPHONY_ISOLATION", "thread"), "POLYPHONY_ISOLATION", "none or process");
    assertThatThrownBy(() -> Settings.of(Map.of(), 2).withIsolation("container"))
        .hasMessage("--isolation is \"container\"; it must be none or process");
  }

  @Test
  void aGpuDoesOneStepAtATimeInAProcessOfItsOwn() {
    Device gpu = new Device.Cuda(0);
    Settings silent = Settings.of(Map.of(), 2);
    assertThat(silent.slots(Device.CPU)).isEqualTo(2);
    assertThat(silent.slots(gpu)).isEqualTo(1);
    assertThat(silent.isolation(gpu)).isEqualTo(Isolation.PROCESS);
    Settings told = silent.withSlots(3).withIsolation("none");
    assertThat(told.slots(gpu)).isEqualTo(3);
    assertThat(told.isolation(gpu)).isEqualTo(Isolation.NONE);
  }

  @Test
  void aDeviceThatCannotBeIsRefused() {
    for (String value : new String[] {"gpu", "cuda", "cuda:", "cuda:-1", "cuda:1000", "CPU"}) {
      refused(
          Map.of("POLYPHONY_DEVICE", value), "POLYPHONY_DEVICE is \"" + value, "such as cuda:0");
    }
    assertThatThrownBy(() -> Settings.of(Map.of(), 2).withDevice("tpu"))
        .hasMessage("--device is \"tpu\"; it must be auto, cpu, or a GPU such as cuda:0");
  }

  @Test
  void halfAnS3ConfigurationIsRefusedWithoutItsKeys() {
    refused(
        Map.of(
            "POLYPHONY_S3_ENDPOINT", "http://minio:9000", "POLYPHONY_S3_SECRET_KEY", "hush-hush"),
        "POLYPHONY_S3_BUCKET is not set");
  }

  private static void refused(Map<String, String> environment, String... parts) {
    assertThatThrownBy(() -> Settings.of(environment, 2))
        .isInstanceOf(PolyphonyException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(parts).doesNotContain("hush-hush"));
  }
}
