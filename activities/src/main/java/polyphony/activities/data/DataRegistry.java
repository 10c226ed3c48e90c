package polyphony.activities.data;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import polyphony.activities.JsonLines;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.ArithmeticTask;
import polyphony.activities.tasks.Task;
import polyphony.activities.tasks.Tasks;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.TaskSpec;

/**
 * Tasks by name, with the questions that were imported into the store, each recorded at {@code
 * data/<name>.json}. A name never leads to a path on a worker.
 */
public final class DataRegistry {
  private static final String PREFIX = "data/";
  private static final int MAX_BYTES = 1 << 20;
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectStore store;
  private final Artifacts artifacts;

  public DataRegistry(ObjectStore store, Artifacts artifacts) {
    this.store = store;
    this.artifacts = artifacts;
  }

  /** Every name that was imported, sorted. */
  public List<String> names() {
    return store.list(PREFIX).stream()
        .map(key -> key.substring(PREFIX.length(), key.length() - ".json".length()))
        .sorted()
        .toList();
  }

  /** What was imported under this name. */
  public Optional<ImportedData> find(String name) {
    if (name == null || !ExperimentNames.isValid(name)) {
      return Optional.empty();
    }
    String key = PREFIX + name + ".json";
    try {
      return Optional.of(JSON.readValue(store.bytes(key, MAX_BYTES), ImportedData.class));
    } catch (MissingObjectException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, key + " in the store names no data; import them under another name", e);
    }
  }

  /**
   * Imports files under a name. The same files again change nothing.
   *
   * @param form one of {@link DataImport#forms}; null: what the name says, else a person's own
   * @param answers kind of the answers; null: the form's own
   * @param prompts folder of templates; null: none of its own
   * @throws PolyphonyException CONFIG where the name is taken by other data or is no name, or as in
   *     {@link DataImport#read}; DATA as there
   */
  public ImportedData importFiles(
      String name, Path path, String form, String answers, Path prompts) {
    if (!ExperimentNames.isValid(name) || name.equals(Tasks.ARITHMETIC)) {
      throw PolyphonyException.config(
          "data cannot be called \""
              + name
              + "\", allowed: "
              + ExperimentNames.ALLOWED
              + ", but not \""
              + Tasks.ARITHMETIC
              + "\"");
    }
    boolean published = Tasks.published().contains(name);
    String known = form != null ? form : published ? name : DataImport.CUSTOM;
    if (published && !known.equals(name)) {
      throw PolyphonyException.config(
          "the name \"" + name + "\" is for data of that form; choose another name");
    }
    ImportedData data = new DataImport(artifacts).read(path, known, answers, prompts);
    if (!store.writeIfAbsent(PREFIX + name + ".json", CanonicalJson.bytes(data))
        && !find(name).equals(Optional.of(data))) {
      throw PolyphonyException.config(
          "the name \"" + name + "\" belongs to other data; choose another name");
    }
    return data;
  }

  /**
   * A task spec with its kind of answers filled in, where the task does not bring its own.
   *
   * @throws PolyphonyException CONFIG where the task or its data do not exist, or levels are asked
   *     of data without any
   */
  public TaskSpec complete(TaskSpec task) {
    if (task.name().equals(Tasks.ARITHMETIC)) {
      if (task.levels() != null || task.data() != null || task.answers() != null) {
        throw PolyphonyException.config(
            "task arithmetic has no levels, data or answers; leave these fields out");
      }
      return task;
    }
    ImportedData data = data(task);
    if (task.levels() != null && !data.task().equals("math") && !data.task().equals("custom")) {
      throw PolyphonyException.config("task " + task.name() + " has no levels; leave levels out");
    }
    TaskSpec complete =
        task.answers() == null ? task.withAnswers(Tasks.versioned(data.answers())) : task;
    Tasks.grader(complete.grading()); // refuses what does not exist
    return complete;
  }

  /** The prompt set that a task brings along; empty where it has none. */
  public Optional<PromptSet> prompts(TaskSpec task) {
    if (task.name().equals(Tasks.ARITHMETIC)) {
      return Optional.empty();
    }
    ImportedData data = data(task);
    if (data.prompts() != null) {
      return Optional.of(PromptSet.read(artifacts.bytes(data.prompts())));
    }
    return Tasks.published().contains(data.task())
        ? Optional.of(PromptSet.named(data.task()))
        : Optional.empty();
  }

  /**
   * The task that a complete spec names.
   *
   * @throws PolyphonyException CONFIG where it or its data do not exist
   */
  public Task task(TaskSpec task) {
    if (task.name().equals(Tasks.ARITHMETIC)) {
      return task.operands() == null ? new ArithmeticTask() : new ArithmeticTask(task.operands());
    }
    ImportedData data = data(task);
    return new ImportedTask(
        task.name(),
        data.version(),
        JsonLines.read(artifacts.bytes(data.questions()), DataQuestion.class),
        task.levels(),
        Tasks.grader(task.grading()));
  }

  private ImportedData data(TaskSpec task) {
    String name = task.data() == null ? task.name() : task.data();
    Optional<ImportedData> data = find(name);
    if (data.isPresent()) {
      return data.get();
    }
    if (Tasks.published().contains(name)) {
      throw PolyphonyException.config(
          "the questions of task "
              + name
              + " are not in the store: polyphony data import "
              + name
              + " PATH, with the files as published");
    }
    List<String> names = new java.util.ArrayList<>(Tasks.names());
    names().stream().filter(each -> !names.contains(each)).forEach(names::add);
    throw PolyphonyException.config(
        "there is no task \""
            + name
            + "\"; task is one of "
            + String.join(", ", names)
            + ", or import its questions first (polyphony data import)");
  }
}
