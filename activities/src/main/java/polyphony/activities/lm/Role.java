package polyphony.activities.lm;

/** Who speaks in a conversation. */
public enum Role {
  SYSTEM,
  USER,
  ASSISTANT;

  /** As chat templates and HTTP APIs write it, such as {@code assistant}. */
  public String label() {
    return switch (this) {
      case SYSTEM -> "system";
      case USER -> "user";
      case ASSISTANT -> "assistant";
    };
  }
}
