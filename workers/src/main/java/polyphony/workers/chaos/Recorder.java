package polyphony.workers.chaos;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import polyphony.activities.lm.ForwardingRuntime;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.storage.ObjectStore;

/**
 * Writes down what a worker's runtime is asked to do, and for which step: a step samples, trains
 * and commits on the thread that claimed it. Lines reach the system before the work begins, so that
 * those of a killed process are complete.
 */
final class Recorder {
  private static final JsonMapper JSON = new JsonMapper();

  private final OutputStream lines;
  private final ThreadLocal<Work> current = ThreadLocal.withInitial(() -> new Work("none"));

  /** What one thread is at. */
  private static final class Work {
    private final String step;
    private List<Long> uncommitted = new ArrayList<>();
    private int trained;

    Work(String step) {
      this.step = step;
    }
  }

  /**
   * @param file appended to; open until the end of this process, and of others that share it
   */
  Recorder(Path file) {
    try {
      lines = new FileOutputStream(file.toFile(), true);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Steps' writes are written down; everything else passes through. */
  ObjectStore around(ObjectStore store) {
    return (ObjectStore)
        Proxy.newProxyInstance(
            ObjectStore.class.getClassLoader(),
            new Class<?>[] {ObjectStore.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("writeIfAbsent")) {
                return writeIfAbsent(store, (String) arguments[0], (byte[]) arguments[1]);
              }
              try {
                return method.invoke(store, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private boolean writeIfAbsent(ObjectStore store, String object, byte[] content) {
    String[] path = object.split("/", -1);
    switch (path[0]) {
      case "claims" -> {
        boolean claimed = store.writeIfAbsent(object, content);
        if (claimed) {
          current.set(new Work(path[1]));
        }
        return claimed;
      }
      case "progress", "steps" -> {
        Work work = current.get();
        record(WorkEntry.Kind.WRITE, work.uncommitted, work.trained, object);
        boolean written = store.writeIfAbsent(object, content);
        if (written) {
          work.uncommitted = new ArrayList<>();
        }
        return written;
      }
      default -> {
        return store.writeIfAbsent(object, content);
      }
    }
  }

  /** Everything that is sampled, scored and trained is written down. */
  LanguageModelRuntime around(LanguageModelRuntime runtime) {
    return new Recorded(runtime);
  }

  private final class Recorded extends ForwardingRuntime {
    Recorded(LanguageModelRuntime runtime) {
      super(runtime);
    }

    @Override
    protected List<Sampler.Continuation> sample(
        Sampler sampler, List<Sampler.Prompt> batch, SamplingSettings settings) {
      List<Long> seeds = batch.stream().map(Sampler.Prompt::seed).toList();
      record(WorkEntry.Kind.SAMPLE, seeds, 0, null);
      List<Sampler.Continuation> continuations = super.sample(sampler, batch, settings);
      current.get().uncommitted.addAll(seeds);
      return continuations;
    }

    @Override
    protected List<Scorer.Scores> score(Scorer scorer, List<Scorer.Text> batch) {
      record(WorkEntry.Kind.SCORE, List.of(), batch.size(), null);
      return super.score(scorer, batch);
    }

    @Override
    protected void opened(Trainer trainer) {
      record(WorkEntry.Kind.OPEN, List.of(), trainer.step(), null);
    }

    @Override
    protected Trainer.StepReport train(Trainer trainer, TrainingBatches batches) {
      record(WorkEntry.Kind.TRAIN, List.of(), trainer.step(), null);
      Trainer.StepReport report = super.train(trainer, batches);
      current.get().trained = trainer.step();
      return report;
    }
  }

  private void record(WorkEntry.Kind kind, List<Long> seeds, int number, String object) {
    WorkEntry entry =
        new WorkEntry(
            kind, current.get().step, Instant.now().toString(), List.copyOf(seeds), number, object);
    try {
      byte[] line = (JSON.writeValueAsString(entry) + "\n").getBytes(StandardCharsets.UTF_8);
      synchronized (lines) {
        lines.write(line);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
