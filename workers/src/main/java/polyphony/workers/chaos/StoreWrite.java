package polyphony.workers.chaos;

import java.time.Instant;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A step's write on its way to the store.
 *
 * @param worker who writes
 * @param kind what it writes
 * @param step the step's key
 * @param number of the claim or commit; 0 for a result
 */
record StoreWrite(String worker, StoreJournal.Kind kind, String step, int number) {
  private static final Pattern TARGET =
      Pattern.compile(
          "/[^/]+/(?:(claims|progress)/([0-9a-f]{64})/([0-9]{8})|steps/([0-9a-f]{64}))\\.json");

  /**
   * Reads the target of a PUT.
   *
   * @param target path of the request, the bucket first
   * @param conditional whether it must not replace anything; a claim is replaced to be renewed
   * @return null for anything else than the beginning, a part or the end of a step
   */
  static StoreWrite of(String worker, String target, boolean conditional) {
    Matcher matcher = TARGET.matcher(target);
    if (!conditional || !matcher.matches()) {
      return null;
    }
    if (matcher.group(4) != null) {
      return new StoreWrite(worker, StoreJournal.Kind.RESULT, matcher.group(4), 0);
    }
    return new StoreWrite(
        worker,
        matcher.group(1).equals("claims") ? StoreJournal.Kind.CLAIM : StoreJournal.Kind.COMMIT,
        matcher.group(2),
        Integer.parseInt(matcher.group(3)));
  }

  StoreJournal.Entry takenAt(Instant at) {
    return new StoreJournal.Entry(worker, kind, step, number, at);
  }
}
