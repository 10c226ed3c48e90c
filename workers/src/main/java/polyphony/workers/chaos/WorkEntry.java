package polyphony.workers.chaos;

import java.time.Instant;
import java.util.List;

/**
 * A line of a worker's own record, written before what it tells of is done.
 *
 * @param kind what is about to be done
 * @param step key of the step that it is done for
 * @param at when, ISO 8601
 * @param seeds SAMPLE: of the answers, each of which has one of its own; WRITE: of those sampled
 *     since the write before
 * @param number OPEN, TRAIN and WRITE: optimizer steps done so far; SCORE: texts
 * @param object WRITE: the commit or result, by its key in the store; else null
 */
record WorkEntry(Kind kind, String step, String at, List<Long> seeds, int number, String object) {
  /** What a worker does. */
  enum Kind {
    /** One batch is sampled. */
    SAMPLE,
    /** One batch of texts is scored. */
    SCORE,
    /** A trainer is opened. */
    OPEN,
    /** One optimizer step. */
    TRAIN,
    /** A commit or a result is written, unless there is one already. */
    WRITE
  }

  Instant instant() {
    return Instant.parse(at);
  }
}
