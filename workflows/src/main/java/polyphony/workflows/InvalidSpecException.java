package polyphony.workflows;

import java.util.List;

/** A spec that cannot be run. The message is one line that names every violation. */
public final class InvalidSpecException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final List<String> violations;

  /**
   * @param violations at least one, each naming a field, its value and what is allowed
   */
  public InvalidSpecException(List<String> violations) {
    super(String.join("; ", violations));
    this.violations = List.copyOf(violations);
  }

  /** Each names a field, its value and what is allowed. */
  public List<String> violations() {
    return violations;
  }
}
