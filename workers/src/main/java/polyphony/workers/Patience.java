package polyphony.workers;

import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import polyphony.storage.MissingBucketException;
import polyphony.storage.PolyphonyException;

/** Tries again what waiting can help, with pauses that grow, and says what it waits for once. */
final class Patience {
  private static final Duration FIRST = Duration.ofSeconds(1);
  private static final Duration LONGEST = Duration.ofSeconds(30);

  /** How long to wait in all. */
  private final Duration limit;

  private final Predicate<PolyphonyException> helps;
  private final Consumer<String> say;
  private final Pause pause;

  /** Waits. */
  interface Pause {
    /**
     * @return whether to go on afterwards
     */
    boolean of(Duration duration) throws InterruptedException;
  }

  private Patience(
      Duration limit, Predicate<PolyphonyException> helps, Consumer<String> say, Pause pause) {
    this.limit = limit;
    this.helps = helps;
    this.say = say;
    this.pause = pause;
  }

  /**
   * For somebody who waits: a machine that is coming up is given a little time, silently.
   *
   * @param limit of all pauses together
   */
  static Patience brief(Duration limit) {
    return new Patience(
        limit,
        failure -> failure.errorClass().retryable(),
        reason -> {},
        duration -> {
          Thread.sleep(duration.toMillis());
          return true;
        });
  }

  /**
   * For a worker that nobody watches: machines come back, and buckets and namespaces may have yet
   * to be made.
   *
   * @param say told every reason to wait, once
   */
  static Patience endless(Consumer<String> say, Pause pause) {
    return new Patience(
        Duration.ofSeconds(Long.MAX_VALUE),
        failure ->
            failure.errorClass().retryable()
                || failure instanceof MissingBucketException
                || failure instanceof MissingNamespaceException,
        say,
        pause);
  }

  /**
   * @return what the attempt returns; empty where a pause was told to stop
   * @throws PolyphonyException the attempt's own, where waiting cannot help or the limit is reached
   */
  <T> Optional<T> until(Supplier<T> attempt) throws InterruptedException {
    Duration waited = Duration.ZERO;
    Duration next = FIRST;
    Set<String> said = new HashSet<>();
    while (true) {
      try {
        return Optional.of(attempt.get());
      } catch (PolyphonyException e) {
        if (!helps.test(e) || waited.plus(next).compareTo(limit) > 0) {
          throw e;
        }
        if (said.add(e.getMessage())) {
          say.accept(e.getMessage());
        }
      }
      if (!pause.of(next)) {
        return Optional.empty();
      }
      waited = waited.plus(next);
      next = next.multipliedBy(2).compareTo(LONGEST) > 0 ? LONGEST : next.multipliedBy(2);
    }
  }
}
