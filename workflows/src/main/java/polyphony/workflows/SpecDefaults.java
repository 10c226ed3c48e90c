package polyphony.workflows;

/** The one place where a spec's open fields are filled in and its values are checked. */
public final class SpecDefaults {
  public static final int MAX_AGENTS = 16;
  public static final int MAX_ROUNDS = 8;
  public static final int MAX_ITERATIONS = 100;

  private SpecDefaults() {}
}
