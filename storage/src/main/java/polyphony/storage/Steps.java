package polyphony.storage;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Memoised steps: nothing finished is computed twice or lost, across runs, processes and machines
 * that share a store.
 *
 * <p>A step's key is the hash of its name, version and inputs. Its result is the manifest {@code
 * steps/<key>.json}, written last and once. Until then its commits lie under {@code progress/}, and
 * {@code claims/} says who is at it. Killing a process at any point loses only what it had not
 * committed.
 */
public final class Steps {
  private static final Logger LOG = LoggerFactory.getLogger(Steps.class);
  static final int LARGEST_MANIFEST = 64 << 20;

  private final ObjectStore store;
  private final Artifacts artifacts;
  private final Worker worker;
  private final Clock clock;
  private final Duration poll;
  private final Claims claims;

  /**
   * @param claimExpiry after how long without renewal a claim is free; the clocks of all workers
   *     must agree much better than this
   * @param claimRenewal how often a claim is renewed
   * @param poll how often a waiting run looks again
   */
  public record Timing(Duration claimExpiry, Duration claimRenewal, Duration poll) {
    public static final Timing DEFAULT =
        new Timing(Duration.ofSeconds(60), Duration.ofSeconds(15), Duration.ofSeconds(1));
  }

  public Steps(ObjectStore store, Artifacts artifacts, Worker worker, Clock clock) {
    this(store, artifacts, worker, clock, Timing.DEFAULT);
  }

  public Steps(ObjectStore store, Artifacts artifacts, Worker worker, Clock clock, Timing timing) {
    this(store, artifacts, worker, clock, timing, ProcessIdentity.current());
  }

  Steps(
      ObjectStore store,
      Artifacts artifacts,
      Worker worker,
      Clock clock,
      Timing timing,
      ProcessIdentity process) {
    this.store = store;
    this.artifacts = artifacts;
    this.worker = worker;
    this.clock = clock;
    this.poll = timing.poll();
    this.claims = new Claims(store, process, clock, timing.claimExpiry(), timing.claimRenewal());
  }

  /** {@link #run(Step, Class, StepBody, BooleanSupplier)} that is never asked to stop. */
  public <R> StepOutcome<R> run(Step step, Class<R> resultType, StepBody<R> body) throws Exception {
    return run(step, resultType, body, () -> false);
  }

  /**
   * Returns the recorded result of this step, or computes it, or waits for the run that is
   * computing it.
   *
   * @param resultType read from and written as JSON: a record, usually
   * @param stop turns true when this run should end: waiting ends at once, and the body is told
   * @throws Exception what the body throws, unchanged; its commits are kept
   */
  public <R> StepOutcome<R> run(
      Step step, Class<R> resultType, StepBody<R> body, BooleanSupplier stop) throws Exception {
    String key = step.key();
    while (true) {
      Optional<StepManifest> manifest = manifest(key);
      if (manifest.isPresent()) {
        return reused(step, manifest.get(), resultType);
      }
      if (stop.getAsBoolean()) {
        return new StepOutcome<>(key, Optional.empty(), false);
      }
      Optional<Claims.Held> claim = claims.tryTake(key);
      if (claim.isPresent()) {
        try (Claims.Held held = claim.get()) {
          return compute(step, key, resultType, body, stop, held);
        }
      }
      Thread.sleep(poll.toMillis());
    }
  }

  /**
   * For whoever has the step computed by another process: waits until it is finished, or until
   * nobody seems to be at it.
   *
   * @param stop ends the waiting
   * @return the recorded result; empty where there is none yet
   */
  public <R> Optional<StepOutcome<R>> awaitTurn(
      Step step, Class<R> resultType, BooleanSupplier stop) throws InterruptedException {
    String key = step.key();
    while (true) {
      Optional<StepManifest> manifest = manifest(key);
      if (manifest.isPresent()) {
        return Optional.of(reused(step, manifest.get(), resultType));
      }
      if (stop.getAsBoolean() || claims.free(key)) {
        return Optional.empty();
      }
      Thread.sleep(poll.toMillis());
    }
  }

  /** The manifest of a finished step, if it counts: it is readable and its outputs are present. */
  public Optional<StepManifest> manifest(String key) {
    byte[] json;
    try {
      json = store.bytes(object(key), LARGEST_MANIFEST);
    } catch (MissingObjectException e) {
      return Optional.empty();
    }
    try {
      StepManifest manifest = StepManifest.parse(json);
      if (!manifest.key().equals(key)) {
        LOG.warn("the manifest {} does not count: it is that of {}", object(key), manifest.key());
        return Optional.empty();
      }
      for (ArtifactRef output : manifest.outputs()) {
        if (!artifacts.present(output)) {
          LOG.warn(
              "the manifest {} does not count: its output {} ({}) is missing",
              object(key),
              output.name(),
              output.sha256());
          return Optional.empty();
        }
      }
      return Optional.of(manifest);
    } catch (IOException e) {
      LOG.warn("the manifest {} does not count: {}", object(key), e.getMessage());
      return Optional.empty();
    }
  }

  /**
   * Notes who needs a step, before it is run: what nobody needs any more can be pruned.
   *
   * @param user such as an experiment's name: one segment of a key
   * @param work as in {@link StepUse}
   */
  public void use(String user, String work, Step step) {
    String object = StepUse.object(user, step.key());
    try {
      StepUse.read(store, object);
    } catch (MissingObjectException | IOException e) {
      store.write(object, new StepUse(step.name(), work).bytes());
    }
  }

  /** Whether somebody is computing a step at the moment, as far as claims tell. */
  public boolean claimed(String key) {
    return !claims.free(key);
  }

  /** The manifests of all finished steps that count, by key. */
  public List<StepManifest> manifests() {
    List<StepManifest> manifests = new ArrayList<>();
    for (String object : store.list("steps/")) {
      if (object.endsWith(".json") && object.lastIndexOf('/') == "steps".length()) {
        manifest(object.substring("steps/".length(), object.length() - ".json".length()))
            .ifPresent(manifests::add);
      }
    }
    return List.copyOf(manifests);
  }

  /**
   * Sets a finished step aside, so that the next run computes it again. Its manifest is kept under
   * {@code steps/set-aside/}.
   *
   * @return whether there was a manifest
   */
  public boolean setAside(String key) {
    return setAside(store, object(key), LARGEST_MANIFEST);
  }

  /**
   * Sets a step aside, finished or not, so that the next run computes it from its start. Of what it
   * has stored, damaged objects are deleted, so that they are written anew.
   *
   * @return whether there was anything of it
   */
  public boolean discard(String key) {
    boolean commits = StepAttempt.setAside(store, key);
    readManifest(key).stream()
        .flatMap(manifest -> manifest.outputs().stream())
        .filter(artifacts::damaged)
        .forEach(
            output -> {
              store.delete(Artifacts.key(output));
              LOG.warn("{} ({}) was damaged: deleted", Artifacts.key(output), output.name());
            });
    return setAside(key) || commits;
  }

  private Optional<StepManifest> readManifest(String key) {
    try {
      return Optional.of(StepManifest.parse(store.bytes(object(key), LARGEST_MANIFEST)));
    } catch (MissingObjectException e) {
      return Optional.empty();
    } catch (IOException e) {
      LOG.warn("the manifest {} is damaged: {}", object(key), e.getMessage());
      return Optional.empty();
    }
  }

  /** Whether a finished step of this key was ever set aside. */
  public boolean wasSetAside(String key) {
    return !store.list("steps/set-aside/" + key).isEmpty();
  }

  private <R> StepOutcome<R> compute(
      Step step,
      String key,
      Class<R> resultType,
      StepBody<R> body,
      BooleanSupplier stop,
      Claims.Held claim)
      throws Exception {
    // The run that held the claim before may have finished since the manifest was looked for.
    Optional<StepManifest> finished = manifest(key);
    if (finished.isPresent()) {
      cleanUp(step, key, claim);
      return reused(step, finished.get(), resultType);
    }
    setAside(key);

    StepAttempt attempt = new StepAttempt(step, store, artifacts, worker, clock, claim, stop);
    Optional<R> result = body.compute(attempt);
    if (result.isEmpty()) {
      return new StepOutcome<>(key, Optional.empty(), false);
    }
    byte[] json = Sealed.seal(json(attempt.manifest(result.get())));
    if (store.writeIfAbsent(object(key), json)) {
      cleanUp(step, key, claim);
      // What is returned is what was recorded, so that the first run and the later ones agree.
      return new StepOutcome<>(
          key, Optional.of(decoded(StepManifest.parse(json).result(), resultType, step)), false);
    }
    StepManifest first =
        manifest(key)
            .orElseThrow(
                () ->
                    PolyphonyException.infrastructure(
                        "step "
                            + step.name()
                            + " ("
                            + key
                            + ") was recorded by another run and set aside meanwhile: run again",
                        null));
    cleanUp(step, key, claim);
    return reused(step, first, resultType);
  }

  private void cleanUp(Step step, String key, Claims.Held claim) {
    try {
      StepAttempt.forget(store, key);
      claim.finish();
    } catch (PolyphonyException e) {
      // The result is safe; what is left over costs some room only.
      LOG.warn("step {} ({}) is done but not tidied up: {}", step.name(), key, e.getMessage());
    }
  }

  private static <R> StepOutcome<R> reused(Step step, StepManifest manifest, Class<R> resultType) {
    return new StepOutcome<>(
        manifest.key(), Optional.of(decoded(manifest.result(), resultType, step)), true);
  }

  /** Where the manifest of a finished step lies. */
  public static String object(String key) {
    return "steps/" + key + ".json";
  }

  /** Moves an object from {@code <kind>/<rest>.json} to {@code <kind>/set-aside/<rest>-….json}. */
  static boolean setAside(ObjectStore store, String object, int maxBytes) {
    byte[] content;
    try {
      content = store.bytes(object, maxBytes);
    } catch (MissingObjectException e) {
      return false;
    }
    int slash = object.indexOf('/');
    String kept =
        object.substring(0, slash)
            + "/set-aside"
            + object.substring(slash, object.length() - ".json".length())
            + "-"
            + Sha256.of(content).substring(0, 16)
            + ".json";
    store.write(kept, content);
    store.delete(object);
    LOG.info("{} was set aside as {}", object, kept);
    return true;
  }

  static byte[] json(Object value) {
    try {
      return CanonicalJson.MAPPER.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(
          ErrorClass.BUG, "no JSON form of a " + value.getClass().getName(), e);
    }
  }

  static <T> T decoded(JsonNode json, Class<T> type, Step step) {
    try {
      return CanonicalJson.MAPPER.treeToValue(json, type);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          "what is recorded of step "
              + step.name()
              + " version "
              + step.version()
              + " ("
              + step.key()
              + ") cannot be read as "
              + type.getSimpleName()
              + " ("
              + e.getOriginalMessage()
              + "): raise the step's version, or set the step aside",
          e);
    }
  }
}
