package polyphony.activities.pretrain;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.lm.Tokenizer;
import polyphony.activities.lm.Trainer;
import polyphony.storage.PolyphonyException;

/**
 * Pretrains the built-in model from nothing. Interrupted, it goes on from its last saved state when
 * started again with the same arguments, to the same bytes.
 */
public final class Pretraining {
  private static final float INITIAL_STANDARD_DEVIATION = 0.06f;
  private static final int STEPS_BETWEEN_SAVES = 500;

  private final LanguageModelRuntime runtime;
  private final Predicate<String> allowed;
  private final Listener listener;
  private final int stepsBetweenSaves;

  /** Told of every optimizer step. */
  @FunctionalInterface
  public interface Listener {
    void step(PretrainingRecipe.Stage stage, Trainer.StepReport report);
  }

  /**
   * @param allowed whether a question may be used; keeps the questions of other splits out
   */
  public Pretraining(LanguageModelRuntime runtime, Predicate<String> allowed, Listener listener) {
    this(runtime, allowed, listener, STEPS_BETWEEN_SAVES);
  }

  Pretraining(
      LanguageModelRuntime runtime,
      Predicate<String> allowed,
      Listener listener,
      int stepsBetweenSaves) {
    this.stepsBetweenSaves = stepsBetweenSaves;
    this.runtime = runtime;
    this.allowed = allowed;
    this.listener = listener;
  }

  /**
   * Trains and returns the finished model's folder, {@code work/model}.
   *
   * @param work holds the states in between; must not be shared by two runs
   */
  public Path run(Path work, PretrainingRecipe recipe, long seed) {
    Path model = work.resolve("stage-0");
    if (!Files.exists(model)) {
      Path fresh = work.resolve("stage-0.partial");
      NewLanguageModel.write(
          fresh,
          recipe.config(),
          CompactDialect.ALPHABET,
          CompactDialect.SPECIAL_TOKENS,
          CompactDialect.CHAT_TEMPLATE,
          seed,
          INITIAL_STANDARD_DEVIATION);
      move(fresh, model);
    }
    List<PretrainingRecipe.Stage> stages = recipe.stages();
    for (int i = 0; i < stages.size(); i++) {
      Path next = work.resolve(i + 1 < stages.size() ? "stage-" + (i + 1) : "model");
      if (!Files.exists(next)) {
        train(model, next, stages.get(i), seed + i);
      }
      model = next;
    }
    return model;
  }

  private void train(Path from, Path to, PretrainingRecipe.Stage stage, long seed) {
    LanguageModel model = LanguageModel.open(from);
    Path state = to.resolveSibling(to.getFileName() + ".state.safetensors");
    Path partial = to.resolveSibling(to.getFileName() + ".partial");
    try (Tokenizer tokenizer = model.tokenizer();
        Trainer trainer =
            runtime.trainer(
                model,
                new PretrainingCorpus(stage, tokenizer, allowed, seed),
                stage.training(),
                Optional.of(state).filter(Files::exists))) {
      while (trainer.step() < stage.steps()) {
        listener.step(stage, trainer.next());
        if (trainer.step() % stepsBetweenSaves == 0) {
          trainer.saveState(state);
        }
      }
      copyFolder(from, partial);
      trainer.saveWeights(partial.resolve("model.safetensors"));
    }
    move(partial, to);
    try {
      Files.deleteIfExists(state);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(state + ": cannot be deleted", e);
    }
  }

  private static void copyFolder(Path from, Path to) {
    try (Stream<Path> files = Files.list(from)) {
      Files.createDirectories(to);
      for (Path file : (Iterable<Path>) files::iterator) {
        Files.copy(file, to.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(to + ": cannot be written; is the disk full?", e);
    }
  }

  private static void move(Path from, Path to) {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(to + ": cannot be written", e);
    }
  }
}
