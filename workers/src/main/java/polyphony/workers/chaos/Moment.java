package polyphony.workers.chaos;

import java.util.function.Predicate;

/**
 * When a fault strikes: as a step's write reaches the store.
 *
 * @param shown for people
 * @param step whose write
 * @param kind of the write
 * @param number of the commit; 0 for the others
 * @param before whether that write is kept from the store: all the work is done and none is safe
 */
record Moment(
    String shown,
    Predicate<Reference.StepRecord> step,
    StoreJournal.Kind kind,
    int number,
    boolean before) {

  /** The first part of such a step is safe, the next one is under way. */
  static Moment afterFirstCommit(String shown, Predicate<Reference.StepRecord> step) {
    return new Moment(shown, step, StoreJournal.Kind.COMMIT, 0, false);
  }

  /** Such a step is done but for its last write. */
  static Moment beforeResult(String shown, Predicate<Reference.StepRecord> step) {
    return new Moment(shown, step, StoreJournal.Kind.RESULT, 0, true);
  }

  boolean matches(StoreWrite write, Reference reference) {
    return matches(write.kind(), write.number(), write.step(), reference);
  }

  boolean matches(StoreJournal.Entry entry, Reference reference) {
    return matches(entry.kind(), entry.number(), entry.step(), reference);
  }

  private boolean matches(StoreJournal.Kind seen, int seenNumber, String key, Reference reference) {
    return seen == kind
        && (kind != StoreJournal.Kind.COMMIT || seenNumber == number)
        && reference.step(key).filter(step).isPresent();
  }
}
