package polyphony.activities;

/** Is told how far a step is, in whatever it counts: answers, optimizer steps, scored texts. */
@FunctionalInterface
public interface StepProgress {
  /** Nobody wants to know. */
  StepProgress NONE = (done, total) -> {};

  void report(long done, long total);
}
