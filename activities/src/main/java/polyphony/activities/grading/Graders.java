package polyphony.activities.grading;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import polyphony.storage.PolyphonyException;

/** Graders by name: the kind of answers, and who reads and who compares them. */
public final class Graders {
  /** The mode in which answers are read and compared as well as this project can. */
  public static final String DEFAULT = "default";

  /** The mode in which they are read or compared as the paper's released code does. */
  public static final String RELEASED_CODE = "released-code";

  /** Raised whenever an answer would be read or compared otherwise in the default mode. */
  public static final int VERSION = 1;

  private static final Map<String, Grader> KINDS =
      new TreeMap<>(
          Map.of(
              "number", new MathGrader(true),
              "math", new MathGrader(false),
              "choice", new ChoiceGrader(),
              "text", new TextGrader()));

  private Graders() {}

  /** Kinds of answers, sorted. */
  public static List<String> kinds() {
    return List.copyOf(KINDS.keySet());
  }

  /** Names of the modes. */
  public static List<String> modes() {
    return List.of(DEFAULT, RELEASED_CODE);
  }

  /**
   * @param kind of the answers
   * @param extractor mode in which they are read
   * @param checker mode in which they are compared
   * @throws PolyphonyException CONFIG with the names that exist
   */
  public static Grader of(String kind, String extractor, String checker) {
    Grader grader = KINDS.get(kind);
    if (grader == null) {
      throw PolyphonyException.config(
          "there is no kind of answers \""
              + kind
              + "\"; it is one of "
              + String.join(", ", kinds()));
    }
    return in(grader, extractor, checker);
  }

  /**
   * {@code grader} in these modes.
   *
   * @throws PolyphonyException CONFIG for a mode that does not exist
   */
  public static Grader in(Grader grader, String extractor, String checker) {
    requireMode("extractor", extractor);
    requireMode("checker", checker);
    if (extractor.equals(DEFAULT) && checker.equals(DEFAULT)) {
      return grader;
    }
    Grader released = new ReleasedCodeGrader();
    return new Composed(
        extractor.equals(DEFAULT) ? grader : released, checker.equals(DEFAULT) ? grader : released);
  }

  /** What the last complete {@code \\boxed{…}} of a solution holds. */
  public static Optional<String> boxed(String solution) {
    return Boxes.last(solution);
  }

  private static void requireMode(String field, String mode) {
    if (!modes().contains(mode)) {
      throw PolyphonyException.config(
          "there is no " + field + " \"" + mode + "\"; it is one of " + String.join(", ", modes()));
    }
  }

  private record Composed(Grader extractor, Grader checker) implements Grader {
    @Override
    public Optional<String> extract(String text) {
      return extractor.extract(text);
    }

    @Override
    public Optional<String> read(String answer) {
      return extractor.read(answer);
    }

    @Override
    public Verdict compare(String one, String other) {
      return checker.compare(one, other);
    }
  }
}
