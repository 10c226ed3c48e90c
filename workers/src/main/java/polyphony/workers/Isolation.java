package polyphony.workers;

import polyphony.storage.PolyphonyException;

/** Where the steps that need a model are computed. */
enum Isolation {
  /** In the worker's own process. */
  NONE,

  /** Each in a process of its own. */
  PROCESS;

  static final String OPTION = "--isolation";
  static final String DESCRIPTION =
      "process: each sampling, scoring and training in a process of its own, so that a crash of"
          + " native code costs one attempt and never the worker; none: in this one (default:"
          + " the setting isolation, or none, and process on a GPU).";

  /**
   * @param source flag or variable, for the message
   */
  static Isolation of(String value, String source) {
    return switch (value) {
      case "none" -> NONE;
      case "process" -> PROCESS;
      default ->
          throw PolyphonyException.config(
              source + " is \"" + value + "\"; it must be none or process");
    };
  }
}
