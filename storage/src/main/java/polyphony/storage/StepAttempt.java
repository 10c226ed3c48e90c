package polyphony.storage;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attempt at a step, as its {@link StepBody} sees it. May be used from several threads.
 *
 * <p>Commits are {@code progress/<key>/00000000.json} and so on, each written once: if another
 * attempt has written the next one, this attempt has lost its claim and must stop.
 */
public final class StepAttempt {
  private static final Logger LOG = LoggerFactory.getLogger(StepAttempt.class);
  private static final int LARGEST_COMMIT = 64 << 20;

  private final Step step;
  private final String key;
  private final ObjectStore store;
  private final Artifacts artifacts;
  private final Worker worker;
  private final Clock clock;
  private final Claims.Held claim;
  private final BooleanSupplier stop;

  private final List<Commit> commits;
  private final int inherited;
  private final Set<ArtifactRef> put = new LinkedHashSet<>();
  private final Map<String, Double> usage = new TreeMap<>();
  private final Instant started;
  private Instant uncommittedSince;
  // Read by heartbeats, which must not wait for a commit.
  private volatile int ownCommits;

  /**
   * @param owner id of the attempt that wrote it: it makes the contents of two attempts differ
   * @param started when that attempt started
   * @param wallSeconds since that attempt's commit before, or since its start
   * @param usage since that attempt's commit before, or since its start
   */
  private record Commit(
      String owner,
      int attempt,
      String started,
      double wallSeconds,
      Map<String, Double> usage,
      JsonNode value) {
    Commit {
      Objects.requireNonNull(value, "value");
      usage = Map.copyOf(usage);
    }
  }

  StepAttempt(
      Step step,
      ObjectStore store,
      Artifacts artifacts,
      Worker worker,
      Clock clock,
      Claims.Held claim,
      BooleanSupplier stop) {
    this.step = step;
    this.key = step.key();
    this.store = store;
    this.artifacts = artifacts;
    this.worker = worker;
    this.clock = clock;
    this.claim = claim;
    this.stop = stop;
    this.started = clock.instant();
    this.uncommittedSince = started;
    this.commits = usableCommits();
    this.inherited = commits.size();
  }

  public String key() {
    return key;
  }

  /** Number of this attempt, from 0. */
  public int number() {
    return claim.generation();
  }

  public Artifacts artifacts() {
    return artifacts;
  }

  /** Like {@link Artifacts#put(byte[], String, String)}, recorded as an output. */
  public ArtifactRef put(byte[] content, String mediaType, String name) {
    return recorded(artifacts.put(content, mediaType, name));
  }

  /** Like {@link Artifacts#put(Path, String, String)}, recorded as an output. */
  public ArtifactRef put(Path file, String mediaType, String name) {
    return recorded(artifacts.put(file, mediaType, name));
  }

  /** What this and earlier attempts have committed, in order. */
  public synchronized <C> List<C> commits(Class<C> type) {
    List<C> values = new ArrayList<>();
    for (Commit commit : commits) {
      values.add(Steps.decoded(commit.value(), type, step));
    }
    return List.copyOf(values);
  }

  /**
   * Makes the next piece of work durable. On return it survives anything but the loss of the store.
   *
   * @throws PolyphonyException INFRASTRUCTURE if another run has taken the step over
   */
  public synchronized void commit(Object value) {
    Instant now = clock.instant();
    Commit commit =
        new Commit(
            claim.owner(),
            claim.generation(),
            started.toString(),
            seconds(uncommittedSince, now),
            usage,
            CanonicalJson.plainTree(value));
    // Who was taken over while standing still would only cost the other one its next commit. The
    // write itself is what decides.
    if (claim.lostByNow()
        || !store.writeIfAbsent(object(key, commits.size()), Sealed.seal(Steps.json(commit)))) {
      throw PolyphonyException.infrastructure(
          "step "
              + step.name()
              + " ("
              + key
              + ") was taken over by another run, so commit "
              + commits.size()
              + " of this one is dropped: run again to continue from what is committed",
          null);
    }
    commits.add(commit);
    ownCommits = commits.size() - inherited;
    usage.clear();
    uncommittedSince = now;
  }

  /** How many commits this attempt has made. */
  public int ownCommits() {
    return ownCommits;
  }

  /** Adds to an amount that the manifest reports, such as {@code sampledTokens}. */
  public synchronized void usage(String name, double amount) {
    usage.merge(name, amount, Double::sum);
  }

  /** Forgets the amounts since the last commit: what they were spent on is thrown away. */
  public synchronized void forgetUsage() {
    usage.clear();
  }

  /** Whether to commit and return as soon as possible. */
  public boolean stopRequested() {
    return stop.getAsBoolean() || claim.lost();
  }

  synchronized StepManifest manifest(Object result) {
    JsonNode resultJson = CanonicalJson.plainTree(result);
    Set<ArtifactRef> outputs = References.in(resultJson);
    for (ArtifactRef output : outputs) {
      if (!put.contains(output) && !artifacts.present(output)) {
        throw new PolyphonyException(
            ErrorClass.BUG,
            "step "
                + step.name()
                + " returned the artifact "
                + output.name()
                + " ("
                + output.sha256()
                + "), which is not in the store: the step must store what it returns");
      }
    }
    // A checkpoint that only a commit names is not needed once the result is there.
    Set<ArtifactRef> others = new LinkedHashSet<>(put);
    commits.forEach(commit -> others.removeAll(References.in(commit.value())));
    outputs.addAll(others);
    for (ArtifactRef output : outputs) {
      // What was there already when it was put may have been pruned since.
      if (!artifacts.present(output)) {
        throw PolyphonyException.infrastructure(
            "the object "
                + Artifacts.key(output)
                + " ("
                + output.name()
                + ") was deleted while step "
                + step.name()
                + " was running: run again",
            null);
      }
    }

    Instant now = clock.instant();
    double wallSeconds = seconds(uncommittedSince, now);
    Map<String, Double> totals = new TreeMap<>(usage);
    for (Commit commit : commits) {
      wallSeconds += commit.wallSeconds();
      commit.usage().forEach((name, amount) -> totals.merge(name, amount, Double::sum));
    }
    return new StepManifest(
        step.name(),
        step.version(),
        key,
        step.inputsJson(),
        resultJson,
        List.copyOf(outputs),
        claim.generation(),
        commits.isEmpty() ? started.toString() : commits.get(0).started(),
        now.toString(),
        wallSeconds,
        totals,
        worker);
  }

  /** Deletes the commits of a finished step: last first, so that what is left is a whole start. */
  static void forget(ObjectStore store, String key) {
    List<String> objects = store.list("progress/" + key + "/");
    for (int i = objects.size() - 1; i >= 0; i--) {
      store.delete(objects.get(i));
    }
  }

  /** Sets the commits of a step aside, last first. */
  static boolean setAside(ObjectStore store, String key) {
    List<String> objects = store.list("progress/" + key + "/");
    for (int i = objects.size() - 1; i >= 0; i--) {
      Steps.setAside(store, objects.get(i), LARGEST_COMMIT);
    }
    return !objects.isEmpty();
  }

  /**
   * The commits without a gap whose artifacts are all present. Whatever follows them is set aside,
   * so that its numbers are free again.
   */
  private List<Commit> usableCommits() {
    List<Commit> usable = new ArrayList<>();
    List<String> objects = store.list("progress/" + key + "/");
    for (String object : objects) {
      if (!object.equals(object(key, usable.size()))) {
        break;
      }
      Commit commit;
      try {
        byte[] record = store.bytes(object, LARGEST_COMMIT);
        commit = CanonicalJson.parsed(Sealed.content(record), Commit.class);
      } catch (IOException e) {
        LOG.warn("{} is unreadable: {}", object, e.getMessage());
        break;
      }
      if (!References.in(commit.value()).stream().allMatch(artifacts::present)) {
        LOG.warn("{} names artifacts that are no longer in the store", object);
        break;
      }
      usable.add(commit);
    }
    for (int i = objects.size() - 1; i >= usable.size(); i--) {
      Steps.setAside(store, objects.get(i), LARGEST_COMMIT);
    }
    return usable;
  }

  private synchronized ArtifactRef recorded(ArtifactRef artifact) {
    put.add(artifact);
    return artifact;
  }

  private static String object(String key, int number) {
    return "progress/" + key + "/" + String.format("%08d.json", number);
  }

  private static double seconds(Instant from, Instant to) {
    return Duration.between(from, to).toNanos() / 1e9;
  }
}
