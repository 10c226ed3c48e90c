package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
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
        .isEqualTo(new Settings(Optional.empty(), "default", Optional.empty(), 2, false));
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
                "POLYPHONY_SLOTS",
                "8",
                "POLYPHONY_DEBUG",
                "1"),
            2);
    assertThat(settings)
        .isEqualTo(
            new Settings(Optional.of("temporal:7233"), "research", Optional.empty(), 8, true));
    assertThat(Settings.of(S3, 2).s3())
        .contains(
            new S3Settings(
                "http://minio:9000", "polyphony", "us-east-1", "the-access-key", "the-secret-key"));
  }

  @Test
  void keysAreNeverPrinted() {
    assertThat(Settings.of(S3, 2).toString()).contains("minio").doesNotContain("-key");
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
