package polyphony.workers;

import java.util.Locale;

/**
 * One thing that a process can be told: under its key in the configuration file, or in a variable
 * of the environment that is called like the key.
 */
enum Setting {
  /** Folder of artifacts and finished steps, where no S3 endpoint is named. */
  STORE("store"),
  /** Samplings, scorings and trainings at the same time. */
  SLOTS("slots"),
  /** What models are computed on. */
  DEVICE("device"),
  /** Whether what is computed on a GPU has equal bits every time, too. */
  DETERMINISTIC("deterministic"),
  /** Whether each of those has a process of its own. */
  ISOLATION("isolation"),
  /** Temporal's Web UI, for links. */
  UI_ADDRESS("ui_address"),
  /** Where polyphony serve shows reports, for links. */
  REPORTS_ADDRESS("reports_address"),
  /** Who is told that an experiment has ended, or needs attention. */
  WEBHOOK("webhook"),
  S3_ENDPOINT("s3.endpoint"),
  S3_BUCKET("s3.bucket"),
  S3_REGION("s3.region"),
  S3_ACCESS_KEY("s3.access_key"),
  S3_SECRET_KEY("s3.secret_key"),
  /** Failures are shown with their trace. */
  DEBUG("debug");

  private final String key;

  Setting(String key) {
    this.key = key;
  }

  /** Its key in the file; what stands before a dot is a table. */
  String key() {
    return key;
  }

  /** Such as {@code POLYPHONY_S3_ENDPOINT} for {@code s3.endpoint}. */
  String variable() {
    return "POLYPHONY_" + key.toUpperCase(Locale.ROOT).replace('.', '_');
  }

  /** Whether its value is shown to nobody, and a file with it must be its owner's alone. */
  boolean isSecret() {
    return this == S3_ACCESS_KEY || this == S3_SECRET_KEY || this == WEBHOOK;
  }
}
