package polyphony.storage;

import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who is computing a step: {@code claims/<key>/<generation>.json}, of which the newest generation
 * counts.
 *
 * <p>A claim is free once it is released, has expired, or its process is known to be dead or, being
 * this one, to be done with it; then whoever creates the next generation holds it. Claims only save
 * work. Correctness does not rest on them, nor on clocks: commits and manifests are written once,
 * whoever holds the claim.
 */
final class Claims {
  private static final Logger LOG = LoggerFactory.getLogger(Claims.class);
  private static final int LARGEST_CLAIM = 1 << 16;

  /** Owners of all claims that this process holds. */
  private static final Set<String> HELD_HERE = ConcurrentHashMap.newKeySet();

  private final ObjectStore store;
  private final ProcessIdentity process;
  private final Clock clock;
  private final Duration expiry;
  private final Duration renewal;

  private record Claim(String owner, ProcessIdentity process, String expires, boolean released) {
    Claim {
      Objects.requireNonNull(process, "process");
      Instant.parse(expires);
    }
  }

  Claims(
      ObjectStore store, ProcessIdentity process, Clock clock, Duration expiry, Duration renewal) {
    this.store = store;
    this.process = process;
    this.clock = clock;
    this.expiry = expiry;
    this.renewal = renewal;
  }

  /** Takes the claim on a step if it is free. */
  Optional<Held> tryTake(String step) {
    List<String> generations = store.list(folder(step));
    int generation = 0;
    if (!generations.isEmpty()) {
      String newest = generations.get(generations.size() - 1);
      if (!isFree(newest)) {
        return Optional.empty();
      }
      generation = generationOf(newest) + 1;
    }
    Held held = new Held(step, generation);
    HELD_HERE.add(held.owner());
    boolean taken = false;
    try {
      Instant expires = clock.instant().plus(expiry);
      taken = store.writeIfAbsent(held.object(), held.content(expires, false));
      held.expires = expires;
    } finally {
      if (!taken) {
        HELD_HERE.remove(held.owner());
      }
    }
    if (!taken) {
      return Optional.empty();
    }
    held.keepRenewing();
    return Optional.of(held);
  }

  /** Whether {@link #tryTake} would find the claim free now. */
  boolean free(String step) {
    List<String> generations = store.list(folder(step));
    return generations.isEmpty() || isFree(generations.get(generations.size() - 1));
  }

  private boolean isFree(String object) {
    Claim claim;
    try {
      claim = CanonicalJson.parsed(store.bytes(object, LARGEST_CLAIM), Claim.class);
    } catch (MissingObjectException e) {
      // Its step has just been finished: the caller looks for the manifest first.
      return false;
    } catch (IOException e) {
      LOG.warn("taking over the unreadable claim {}: {}", object, e.getMessage());
      return true;
    }
    return claim.released()
        || !clock.instant().isBefore(Instant.parse(claim.expires()))
        || process.knowsDead(claim.process())
        // Its release did not reach the store.
        || (process.equals(claim.process()) && !HELD_HERE.contains(claim.owner()));
  }

  private static String folder(String step) {
    return "claims/" + step + "/";
  }

  private static int generationOf(String object) {
    return Integer.parseInt(object.substring(object.lastIndexOf('/') + 1, object.length() - 5));
  }

  /** A claim of this process; closing releases it unless the step is finished. */
  final class Held implements AutoCloseable {
    private final String step;
    private final int generation;
    private final String owner = UUID.randomUUID().toString();
    private final Thread renewing = new Thread(this::renewUntilClosed, "claim-renewal");
    private volatile boolean lost;
    private volatile Instant expires;
    private boolean closed;

    private Held(String step, int generation) {
      this.step = step;
      this.generation = generation;
    }

    /** Names this attempt: no other one has this id. */
    String owner() {
      return owner;
    }

    int generation() {
      return generation;
    }

    /** Whether another run has taken over, as far as the last renewal saw. */
    boolean lost() {
      return lost;
    }

    /**
     * Whether another run has taken over by now: whoever stood still until the claim expired looks.
     *
     * @throws PolyphonyException where the store does not answer then
     */
    boolean lostByNow() {
      if (!lost && !clock.instant().isBefore(expires)) {
        renew();
      }
      return lost;
    }

    /** Extends the claim, or finds that it is lost. */
    synchronized void renew() {
      if (closed || lost) {
        return;
      }
      List<String> generations = store.list(folder(step));
      if (generations.isEmpty() || !generations.get(generations.size() - 1).equals(object())) {
        lost = true;
        LOG.warn("the claim on step {} was taken over by another run", step);
        return;
      }
      Instant next = clock.instant().plus(expiry);
      store.write(object(), content(next, false));
      expires = next;
    }

    /** Deletes the claims of a finished step, this one and those before it. */
    synchronized void finish() {
      closed = true;
      for (String object : store.list(folder(step))) {
        if (generationOf(object) <= generation) {
          store.delete(object);
        }
      }
    }

    /** Releases the claim: the next run need not wait for its expiry. */
    @Override
    public synchronized void close() {
      renewing.interrupt();
      HELD_HERE.remove(owner);
      if (closed) {
        return;
      }
      closed = true;
      if (lost) {
        return;
      }
      // An interrupted attempt releases its claim too; files cannot be written while interrupted.
      boolean interrupted = Thread.interrupted();
      try {
        store.write(object(), content(expires, true));
      } catch (PolyphonyException e) {
        // It expires by itself, this process knows that it is free, and what ended this attempt
        // matters more.
        LOG.warn("the claim on step {} could not be released: {}", step, e.getMessage());
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }

    private String object() {
      return folder(step) + String.format("%08d.json", generation);
    }

    private byte[] content(Instant until, boolean released) {
      return CanonicalJson.bytes(new Claim(owner, process, until.toString(), released));
    }

    private void keepRenewing() {
      renewing.setDaemon(true);
      renewing.start();
    }

    private void renewUntilClosed() {
      while (true) {
        try {
          Thread.sleep(renewal.toMillis());
          renew();
        } catch (InterruptedException e) {
          return;
        } catch (PolyphonyException e) {
          LOG.warn("the claim on step {} could not be renewed: {}", step, e.getMessage());
        }
      }
    }
  }
}
