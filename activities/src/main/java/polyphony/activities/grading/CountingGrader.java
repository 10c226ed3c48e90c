package polyphony.activities.grading;

import java.util.Optional;

/** Counts the comparisons that came to nothing. For one thread. */
public final class CountingGrader implements Grader {
  private final Grader grader;
  private int undecided;

  public CountingGrader(Grader grader) {
    this.grader = grader;
  }

  @Override
  public Optional<String> extract(String text) {
    return grader.extract(text);
  }

  @Override
  public Optional<String> read(String answer) {
    return grader.read(answer);
  }

  @Override
  public Verdict compare(String one, String other) {
    Verdict verdict = grader.compare(one, other);
    if (verdict == Verdict.UNDECIDED) {
      undecided++;
    }
    return verdict;
  }

  /** Comparisons so far that were {@link Verdict#UNDECIDED}. */
  public int undecided() {
    return undecided;
  }
}
