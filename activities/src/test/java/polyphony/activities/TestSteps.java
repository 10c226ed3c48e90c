package polyphony.activities;

import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.Step;
import polyphony.storage.StepBody;
import polyphony.storage.StepOutcome;
import polyphony.storage.Steps;
import polyphony.storage.Worker;

/** A store in a folder, and steps that run in it. */
public final class TestSteps implements AutoCloseable {
  private final FolderObjectStore store;
  private final LocalCache cache;
  private final Artifacts artifacts;
  private final Steps steps;
  private final Checkpoints checkpoints;

  public TestSteps(Path folder) {
    store = new FolderObjectStore(folder.resolve("store"));
    cache = new LocalCache(folder.resolve("cache"), 1L << 30);
    artifacts = new Artifacts(store, cache);
    steps = new Steps(store, artifacts, Worker.here("cpu", Map.of()), Clock.systemUTC());
    checkpoints = new Checkpoints(artifacts, folder.resolve("models"));
  }

  public Artifacts artifacts() {
    return artifacts;
  }

  public Checkpoints checkpoints() {
    return checkpoints;
  }

  public ArtifactRef put(byte[] content) {
    return artifacts.put(content, "application/octet-stream", "test");
  }

  /** Runs a step that must come to a result. */
  public <R> R run(String name, Object request, Class<R> type, StepBody<R> body) {
    return run(name, request, type, body, () -> false).orElseThrow();
  }

  /** Runs a step that may be told to stop. */
  public <R> Optional<R> run(
      String name, Object request, Class<R> type, StepBody<R> body, BooleanSupplier stop) {
    try {
      StepOutcome<R> outcome = steps.run(new Step(name, 1, request), type, body, stop);
      return outcome.result();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** What the finished step reported under a name. */
  public double usage(String name) {
    return steps.manifests().stream()
        .mapToDouble(each -> each.usage().getOrDefault(name, 0.0))
        .sum();
  }

  @Override
  public void close() {
    cache.close();
    store.close();
  }
}
