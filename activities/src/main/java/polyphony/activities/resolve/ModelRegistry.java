package polyphony.activities.resolve;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import polyphony.activities.Checkpoints;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AlignedWeights;
import polyphony.activities.lm.ChatTemplate;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Weights;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;
import polyphony.workflows.ExperimentNames;
import polyphony.workflows.SpecDefaults;

/**
 * Base models by name: the one that comes along, and those that were imported into the store, each
 * recorded at {@code models/<name>.json}. A name never leads to a path on a worker.
 */
public final class ModelRegistry {
  private static final String PREFIX = "models/";

  /** What fields of a spec call something else. */
  private static final List<String> RESERVED =
      List.of(BuiltInModel.NAME, SpecDefaults.SELF, SpecDefaults.BASE);

  private static final int MAX_BYTES = 1 << 16;
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectStore store;
  private final Artifacts artifacts;
  private final Path scratch;
  private final BuiltInModel builtIn;

  public ModelRegistry(ObjectStore store, Artifacts artifacts, Path scratch) {
    this(store, artifacts, scratch, new BuiltInModel());
  }

  /**
   * @param scratch folder for files on their way to the store
   */
  ModelRegistry(ObjectStore store, Artifacts artifacts, Path scratch, BuiltInModel builtIn) {
    this.store = store;
    this.artifacts = artifacts;
    this.scratch = scratch;
    this.builtIn = builtIn;
  }

  /** Every name that a spec can give, sorted. */
  public List<String> names() {
    List<String> names = new ArrayList<>();
    if (builtIn.present()) {
      names.add(BuiltInModel.NAME);
    }
    for (String key : store.list(PREFIX)) {
      names.add(key.substring(PREFIX.length(), key.length() - ".json".length()));
    }
    return names.stream().sorted().toList();
  }

  /**
   * The checkpoint of a base model.
   *
   * @throws PolyphonyException CONFIG with the names that exist
   */
  public ArtifactRef checkpoint(String name) {
    return checkpoint("baseModel", name);
  }

  /**
   * The checkpoint of the model that a field of a spec names.
   *
   * @throws PolyphonyException CONFIG with the names that exist
   */
  ArtifactRef checkpoint(String field, String name) {
    if (BuiltInModel.NAME.equals(name) && builtIn.present()) {
      return builtIn.put(scratch, artifacts::put);
    }
    return imported(name)
        .orElseThrow(
            () ->
                PolyphonyException.config(
                    "there is no model \""
                        + name
                        + "\"; "
                        + field
                        + " is one of "
                        + String.join(", ", names())
                        + ", or import it first"));
  }

  /** The checkpoint that was imported under this name. */
  public Optional<ArtifactRef> imported(String name) {
    if (name == null || !ExperimentNames.isValid(name)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          JSON.readValue(store.bytes(PREFIX + name + ".json", MAX_BYTES), ArtifactRef.class));
    } catch (MissingObjectException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, PREFIX + name + ".json in the store names no checkpoint", e);
    }
  }

  /** What specs can call a checkpoint: the first of its names. */
  public Optional<String> nameOf(ArtifactRef checkpoint) {
    return names().stream().filter(name -> checkpoint(name).equals(checkpoint)).findFirst();
  }

  /**
   * What an import made.
   *
   * @param chatTemplate whether the model has one: without it, it cannot debate
   * @param realigned weight files that were written anew, with the same values
   */
  public record Import(ArtifactRef checkpoint, boolean chatTemplate, List<String> realigned) {}

  /**
   * Imports a Hugging Face folder. Importing the same folder again changes nothing. The name is
   * given last, so that nothing half-imported can be named.
   *
   * @param chatTemplate a Jinja file to use in place of the model's own, kept as its {@code
   *     chat_template.jinja}
   * @throws PolyphonyException CONFIG where the name is taken by another model or is no name; DATA
   *     where the folder is no model
   */
  public Import importFolder(String name, Path folder, Optional<Path> chatTemplate) {
    requireName(name);
    Adapter.requireNone(folder);
    // Checked where it lies, so that what is wrong is told with the names that its owner knows; and
    // what is stored, because a folder may change meanwhile, or hold more than belongs to a model.
    requireUsable(folder, chatTemplate);
    try (TemporaryFolder staging = new TemporaryFolder(scratch, "import-")) {
      List<String> realigned = stage(folder, chatTemplate, staging.path());
      boolean speaks = requireUsable(staging.path(), Optional.empty());
      ArtifactRef checkpoint = Checkpoints.put(staging.path(), artifacts::put);
      record(name, checkpoint);
      return new Import(checkpoint, speaks, realigned);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /**
   * Imports a PEFT folder, as a model with an adapter; as {@link #importFolder}.
   *
   * @param base the checkpoint of the model that the adapter is for
   * @throws PolyphonyException CONFIG where the name is taken by another model or is no name, or
   *     where the base has an adapter itself; DATA where the folder is no adapter for this base
   */
  public Import importAdapter(String name, Path folder, Checkpoints checkpoints, ArtifactRef base) {
    requireName(name);
    if (!checkpoints.base(base).equals(base)) {
      throw PolyphonyException.config(
          "the model that the adapter is for has an adapter itself: name a whole model");
    }
    LanguageModel model = checkpoints.open(base);
    Adapter adapter = Adapter.open(folder, model.config());
    List<String> realigned = new ArrayList<>();
    try (TemporaryFolder staging = new TemporaryFolder(scratch, "import-")) {
      Path weights = staged(folder.resolve(Adapter.WEIGHTS), staging.path(), realigned);
      ArtifactRef checkpoint =
          checkpoints.putWithAdapter(base, adapter.config(), weights, artifacts::put);
      record(name, checkpoint);
      return new Import(checkpoint, ChatTemplate.find(model.folder()).isPresent(), realigned);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private static void requireName(String name) {
    if (RESERVED.contains(name) || !ExperimentNames.isValid(name)) {
      throw PolyphonyException.config(
          "a model cannot be called \""
              + name
              + "\", allowed: "
              + ExperimentNames.ALLOWED
              + ", but not "
              + String.join(", ", RESERVED));
    }
  }

  private void record(String name, ArtifactRef checkpoint) {
    if (!store.writeIfAbsent(PREFIX + name + ".json", CanonicalJson.bytes(checkpoint))
        && !imported(name).equals(Optional.of(checkpoint))) {
      throw PolyphonyException.config(
          "the name \"" + name + "\" belongs to another model; choose another name");
    }
  }

  private PolyphonyException unwritable(IOException cause) {
    return PolyphonyException.infrastructure(
        scratch + ": cannot be written; is the disk full? (" + cause.getMessage() + ")", cause);
  }

  /** Whether the model can debate. */
  private static boolean requireUsable(Path folder, Optional<Path> chatTemplate) {
    if (Checkpoints.holdsEncoder(folder)) {
      EncoderModel.open(folder).tokenizer().close();
      return false;
    }
    LanguageModel model = LanguageModel.open(folder);
    model.requireEndToken();
    model.tokenizer().close();
    Optional<ChatTemplate> template =
        chatTemplate.isPresent()
            ? chatTemplate.map(file -> ChatTemplate.read(folder, file))
            : ChatTemplate.find(folder);
    template.ifPresent(ChatTemplate::requireConversation);
    return template.isPresent();
  }

  private static List<String> stage(Path folder, Optional<Path> chatTemplate, Path staging)
      throws IOException {
    List<String> realigned = new ArrayList<>();
    for (Path file : Checkpoints.filesIn(folder)) {
      String name = file.getFileName().toString();
      if (name.equals(ChatTemplate.FILE) && chatTemplate.isPresent()) {
        continue;
      }
      if (name.endsWith(".safetensors")) {
        staged(file, staging, realigned);
      } else {
        // Small, and so cannot change between its check and its way into the store.
        Files.copy(file, staging.resolve(name));
      }
    }
    if (chatTemplate.isPresent()) {
      Files.copy(chatTemplate.get(), staging.resolve(ChatTemplate.FILE));
    }
    return realigned;
  }

  /** Weights, written anew where they are not aligned. */
  private static Path staged(Path weights, Path staging, List<String> realigned)
      throws IOException {
    Path staged = staging.resolve(weights.getFileName());
    if (AlignedWeights.aligned(Weights.open(weights))) {
      linkOrCopy(weights.toRealPath(), staged);
    } else {
      AlignedWeights.write(weights, staged);
      realigned.add(weights.getFileName().toString());
    }
    return staged;
  }

  private static void linkOrCopy(Path from, Path to) throws IOException {
    try {
      Files.createSymbolicLink(to, from);
    } catch (FileSystemException | UnsupportedOperationException e) {
      Files.copy(from, to);
    }
  }
}
