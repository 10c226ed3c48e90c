package polyphony.activities.grading;

import java.util.Locale;

/** Whether two answers are the same. */
public enum Verdict {
  EQUAL,
  DIFFERENT,
  /** Neither was shown: not understood, or too costly. Counts as different, and is counted. */
  UNDECIDED;

  /** As in files. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
