package polyphony.activities;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.ChatTemplate;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.EncoderConfig;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Weights;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.ErrorClass;
import polyphony.storage.LocalCache;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;
import polyphony.storage.TemporaryFolder;
import polyphony.workflows.ModelDefaults;

/**
 * Language models in the store. A checkpoint is a small artifact, {@code checkpoint.json}: the
 * files of a Hugging Face folder by name, each an artifact of its own, so that finetuned models
 * share everything but their weights. Equal folders give equal checkpoints. A model with an adapter
 * has all files of its base, and the adapter's two beside them.
 */
public final class Checkpoints {
  public static final String MEDIA_TYPE = "application/vnd.polyphony.checkpoint+json";

  private static final String FILE = "checkpoint.json";

  /** The weights' file name, where they are not sharded. */
  public static final String WEIGHTS = Weights.FILE;

  private static final String CONFIG = "config.json";

  /** The file with a model's {@link ModelDefaults}. */
  public static final String DEFAULTS = "polyphony.json";

  /**
   * Every file that belongs to a checkpoint, beside shards and their index; others in a folder (a
   * README, say) are left out.
   */
  public static final List<String> FILES =
      List.of(
          ChatTemplate.FILE,
          "config.json",
          "generation_config.json",
          WEIGHTS,
          DEFAULTS,
          "special_tokens_map.json",
          "tokenizer.json",
          "tokenizer_config.json");

  private static final Set<String> REQUIRED =
      Set.of("config.json", "tokenizer.json", "tokenizer_config.json");
  private static final Set<String> ADAPTER = Set.of(Adapter.CONFIG, Adapter.WEIGHTS);
  private static final int MAX_JSON_BYTES = 1 << 20;
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  /** Where artifacts are written: a step's attempt, or the store itself. */
  @FunctionalInterface
  public interface Destination {
    /** Stores a file that must not change meanwhile. */
    ArtifactRef put(Path file, String mediaType, String name);
  }

  private final Artifacts artifacts;
  private final Path folders;
  // Folders whose bytes this process has checked: once is enough, nobody writes there.
  private final Set<String> checked = ConcurrentHashMap.newKeySet();

  /**
   * @param cache a local folder; models are laid out below it. Any number of processes may share
   *     it.
   */
  public Checkpoints(Artifacts artifacts, Path cache) {
    this.artifacts = artifacts;
    this.folders = cache.resolve("models");
  }

  /**
   * Puts a Hugging Face folder into the store.
   *
   * @throws PolyphonyException DATA where the folder is no language model or encoder that can be
   *     opened
   */
  public static ArtifactRef put(Path folder, Destination destination) {
    if (holdsEncoder(folder)) {
      EncoderModel.open(folder);
    } else {
      LanguageModel.open(folder);
    }
    Path defaults = folder.resolve(DEFAULTS);
    if (Files.exists(defaults)) {
      try {
        requireSmall(DEFAULTS, Files.size(defaults));
        readDefaults(Files.readAllBytes(defaults));
      } catch (IOException e) {
        throw PolyphonyException.infrastructure(defaults + ": cannot be read", e);
      }
    }
    SortedMap<String, ArtifactRef> files = new TreeMap<>();
    for (Path file : filesIn(folder)) {
      String name = file.getFileName().toString();
      files.put(name, destination.put(file, mediaType(name), name));
    }
    return put(files, destination);
  }

  /** Whether a folder holds an encoder, and not a model that speaks. */
  public static boolean holdsEncoder(Path folder) {
    Path config = folder.resolve(CONFIG);
    return Files.isRegularFile(config) && EncoderConfig.describes(config);
  }

  /**
   * The files in a folder that belong to a checkpoint.
   *
   * @throws PolyphonyException DATA where its weights cannot be read
   */
  public static List<Path> filesIn(Path folder) {
    Stream<Path> whole = FILES.stream().map(folder::resolve).filter(Files::isRegularFile);
    if (Files.exists(folder.resolve(WEIGHTS))) {
      return whole.toList();
    }
    Stream<Path> shards =
        Weights.openFolder(folder).tensors().values().stream().map(Weights.Tensor::file).distinct();
    return Stream.of(whole, shards, Stream.of(folder.resolve(Weights.INDEX)))
        .flatMap(each -> each)
        .toList();
  }

  /**
   * The checkpoint of a finetuned model: {@code start} with other weights, and without an adapter.
   *
   * @param weights a safetensors file with the tensors of {@code start}
   * @throws PolyphonyException BUG where they are others
   */
  public ArtifactRef putWithWeights(ArtifactRef start, Path weights, Destination destination) {
    Weights after = Weights.open(weights);
    open(start)
        .config()
        .weightShapes()
        .forEach(
            (name, shape) -> {
              Weights.Tensor tensor = after.tensors().get(name);
              if (tensor == null || !Arrays.equals(tensor.shape(), shape)) {
                throw new PolyphonyException(
                    ErrorClass.BUG, "finetuning lost or changed the shape of the tensor " + name);
              }
            });
    SortedMap<String, ArtifactRef> files = new TreeMap<>();
    baseFiles(files(start))
        .forEach(
            (name, file) -> {
              if (!isWeights(name)) {
                // Put again, though it is there: whoever writes a checkpoint answers for all of it.
                try (LocalCache.Pinned object = artifacts.open(file)) {
                  files.put(name, destination.put(object.path(), file.mediaType(), name));
                }
              }
            });
    files.put(WEIGHTS, destination.put(weights, mediaType(WEIGHTS), WEIGHTS));
    return put(files, destination);
  }

  /**
   * The checkpoint of a model with an adapter. The base's files are not put again: whoever knows
   * {@code start} has them, and they are large.
   *
   * @param start the base, or the base with another adapter, which this one takes the place of
   * @param weights a safetensors file with the adapter's tensors by PEFT's names
   * @throws PolyphonyException DATA where they are not those of {@code config} over this base
   */
  public ArtifactRef putWithAdapter(
      ArtifactRef start, AdapterConfig config, Path weights, Destination destination) {
    Adapter.openWeights(weights, config, decoderConfig(start));
    SortedMap<String, ArtifactRef> files = baseFiles(files(start));
    files.put(
        Adapter.CONFIG,
        putWritten(
            file -> config.write(file, Optional.empty()),
            mediaType(Adapter.CONFIG),
            Adapter.CONFIG,
            destination));
    files.put(
        Adapter.WEIGHTS, destination.put(weights, mediaType(Adapter.WEIGHTS), Adapter.WEIGHTS));
    return put(files, destination);
  }

  private static ArtifactRef put(SortedMap<String, ArtifactRef> files, Destination destination) {
    return putWritten(file -> Files.write(file, json(files)), MEDIA_TYPE, FILE, destination);
  }

  /** What comes into a file or folder. */
  private interface Content {
    void write(Path path) throws IOException;
  }

  private static ArtifactRef putWritten(
      Content content, String mediaType, String name, Destination destination) {
    try {
      Path file = Files.createTempFile("checkpoint", ".json");
      try {
        content.write(file);
        return destination.put(file, mediaType, name);
      } finally {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          "cannot write a checkpoint; is the disk full? (" + e.getMessage() + ")", e);
    }
  }

  private static boolean isWeights(String name) {
    return Weights.isWeightsFile(name) || name.equals(Weights.INDEX);
  }

  private static String mediaType(String name) {
    return Weights.isWeightsFile(name)
        ? "application/x-safetensors"
        : name.equals(ChatTemplate.FILE) ? "text/x-jinja" : "application/json";
  }

  /**
   * The checkpoint's files by name.
   *
   * @throws PolyphonyException DATA where the artifact is no checkpoint
   */
  public SortedMap<String, ArtifactRef> files(ArtifactRef checkpoint) {
    SortedMap<String, ArtifactRef> files;
    try {
      files =
          JSON.readValue(content(checkpoint), new TypeReference<TreeMap<String, ArtifactRef>>() {});
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, "artifact " + checkpoint.sha256() + " is not a checkpoint", e);
    }
    // A closed list of names is also what keeps every file inside the model's folder.
    if (files == null
        || !files.keySet().stream()
            .allMatch(each -> FILES.contains(each) || isWeights(each) || ADAPTER.contains(each))) {
      throw PolyphonyException.data(
          "checkpoint " + checkpoint.sha256() + " has files other than " + FILES);
    }
    if (!files.keySet().containsAll(REQUIRED)
        || baseFiles(files).keySet().stream().noneMatch(Weights::isWeightsFile)
        || (hasAdapter(files) && !files.keySet().containsAll(ADAPTER))
        || files.containsValue(null)) {
      throw PolyphonyException.data(
          "checkpoint " + checkpoint.sha256() + " has only the files " + files.keySet());
    }
    return files;
  }

  private static boolean hasAdapter(Map<String, ArtifactRef> files) {
    return ADAPTER.stream().anyMatch(files::containsKey);
  }

  /** The base's files. */
  private static SortedMap<String, ArtifactRef> baseFiles(Map<String, ArtifactRef> files) {
    SortedMap<String, ArtifactRef> base = new TreeMap<>(files);
    base.keySet().removeAll(ADAPTER);
    return base;
  }

  /** The adapter's files, where there are any. */
  private static SortedMap<String, ArtifactRef> adapterFiles(Map<String, ArtifactRef> files) {
    SortedMap<String, ArtifactRef> adapter = new TreeMap<>(files);
    adapter.keySet().retainAll(ADAPTER);
    return adapter;
  }

  /** The base of a checkpoint with an adapter; the checkpoint itself where it has none. */
  public ArtifactRef base(ArtifactRef checkpoint) {
    byte[] json = json(baseFiles(files(checkpoint)));
    return new ArtifactRef(Sha256.of(json), json.length, MEDIA_TYPE, FILE);
  }

  private static byte[] json(SortedMap<String, ArtifactRef> files) {
    try {
      return JSON.writeValueAsBytes(files);
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(ErrorClass.BUG, "cannot write a checkpoint as JSON", e);
    }
  }

  /** What a checkpoint's adapter is like, without opening the model; empty where it has none. */
  public Optional<AdapterConfig> adapterConfig(ArtifactRef checkpoint) {
    ArtifactRef config = files(checkpoint).get(Adapter.CONFIG);
    if (config == null) {
      return Optional.empty();
    }
    try (LocalCache.Pinned file = artifacts.open(config)) {
      return Optional.of(AdapterConfig.read(file.path(), decoderConfig(checkpoint)));
    }
  }

  /** What a checkpoint's decoder is like, without opening the model. */
  public DecoderConfig decoderConfig(ArtifactRef checkpoint) {
    try (LocalCache.Pinned config = artifacts.open(files(checkpoint).get(CONFIG))) {
      return DecoderConfig.read(config.path());
    }
  }

  /** {@link #weightsSha256(Collection)} of a checkpoint. */
  public String weightsSha256(ArtifactRef checkpoint) {
    return weightsSha256(files(checkpoint).values()).orElseThrow();
  }

  /**
   * SHA-256 of the weights file among {@code files}, or that of several together, be they shards or
   * a base's and an adapter's: what {@code sha256sum *.safetensors | sha256sum} says. Empty where
   * there are no weights.
   */
  public static Optional<String> weightsSha256(Collection<ArtifactRef> files) {
    List<ArtifactRef> weights =
        files.stream()
            .filter(file -> Weights.isWeightsFile(file.name()))
            .sorted(Comparator.comparing(ArtifactRef::name))
            .toList();
    if (weights.isEmpty() || (weights.size() == 1 && weights.get(0).name().equals(WEIGHTS))) {
      return weights.stream().map(ArtifactRef::sha256).findFirst();
    }
    String lines =
        weights.stream()
            .map(file -> file.sha256() + "  " + file.name() + "\n")
            .collect(Collectors.joining());
    return Optional.of(Sha256.of(lines.getBytes(StandardCharsets.UTF_8)));
  }

  /** What the model brings along for fields that a spec leaves open. */
  public ModelDefaults defaults(ArtifactRef checkpoint) {
    ArtifactRef file = files(checkpoint).get(DEFAULTS);
    return file == null ? ModelDefaults.NONE : readDefaults(content(file));
  }

  private static ModelDefaults readDefaults(byte[] json) {
    try {
      ModelDefaults defaults = JSON.readValue(json, ModelDefaults.class);
      return defaults == null ? ModelDefaults.NONE : defaults;
    } catch (JsonProcessingException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          DEFAULTS
              + " of the model cannot be read: "
              + e.getOriginalMessage().lines().findFirst().orElse(""),
          e);
    } catch (IOException e) {
      throw new PolyphonyException(ErrorClass.BUG, "reading from memory failed", e);
    }
  }

  private byte[] content(ArtifactRef json) {
    requireSmall(json.name(), json.bytes());
    return artifacts.bytes(json);
  }

  private static void requireSmall(String name, long bytes) {
    if (bytes > MAX_JSON_BYTES) {
      throw PolyphonyException.data(name + " is larger than 1 MiB, not a part of a checkpoint");
    }
  }

  /**
   * Opens a checkpoint as a folder on this machine. The folder is named by the checkpoint's hash
   * and shared by everybody who opens it, or opens it with an adapter: that is in a folder of its
   * own.
   *
   * @throws PolyphonyException DATA where the checkpoint or the model is broken; INFRASTRUCTURE
   *     where it cannot be laid out
   */
  public LanguageModel open(ArtifactRef checkpoint) {
    SortedMap<String, ArtifactRef> files = files(checkpoint);
    LanguageModel base = LanguageModel.open(folder(baseFiles(files)));
    return hasAdapter(files)
        ? base.with(Adapter.open(folder(adapterFiles(files)), base.config()))
        : base;
  }

  /** Opens the checkpoint of an encoder; errors as in {@link #open}. */
  public EncoderModel openEncoder(ArtifactRef checkpoint) {
    return EncoderModel.open(folder(baseFiles(files(checkpoint))));
  }

  /** Whether the checkpoint is one for {@link #openEncoder}, and not for {@link #open}. */
  public boolean isEncoder(ArtifactRef checkpoint) {
    try (LocalCache.Pinned config = artifacts.open(files(checkpoint).get(CONFIG))) {
      return EncoderConfig.describes(config.path());
    }
  }

  /** The folder of these files, by the SHA-256 of the checkpoint that has them and no others. */
  private Path folder(SortedMap<String, ArtifactRef> files) {
    String sha256 = Sha256.of(json(files));
    Path folder = folders.resolve(sha256);
    try {
      if (!checked.contains(sha256)) {
        if (!holds(folder, files)) {
          layOut(files, folder);
        }
        checked.add(sha256);
      }
      return folder;
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          folder + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
  }

  /**
   * Writes a checkpoint's files, verified, as a folder of its own that its owner may change: of one
   * with an adapter, the adapter's alone, as PEFT has it.
   *
   * @param baseModel where PEFT shall look for an adapter's base, if that is known
   * @throws PolyphonyException CONFIG where the folder is there and not empty; DATA where an object
   *     is missing or damaged; INFRASTRUCTURE where it cannot be written
   */
  public void export(ArtifactRef checkpoint, Path folder, Optional<String> baseModel) {
    SortedMap<String, ArtifactRef> files = files(checkpoint);
    Optional<AdapterConfig> adapter = adapterConfig(checkpoint);
    export(
        folder,
        complete -> {
          copy(adapter.isPresent() ? adapterFiles(files) : files, complete);
          if (adapter.isPresent()) {
            adapter.get().write(complete.resolve(Adapter.CONFIG), baseModel);
          }
        });
  }

  /**
   * As {@link #export}, but of a checkpoint with an adapter the whole model, with the adapter added
   * to the base's weights: one file of 32-bit floats, with the base's tensors.
   */
  public void exportMerged(ArtifactRef checkpoint, Path folder) {
    LanguageModel model = open(checkpoint);
    SortedMap<String, ArtifactRef> others = baseFiles(files(checkpoint));
    others.keySet().removeIf(Checkpoints::isWeights);
    export(
        folder,
        complete -> {
          copy(others, complete);
          model.writeWeights(complete.resolve(WEIGHTS));
        });
  }

  private static void export(Path folder, Content content) {
    Path target = folder.toAbsolutePath().normalize();
    requireNew(target);
    try (TemporaryFolder partial = new TemporaryFolder(target.getParent(), ".export-")) {
      Path complete = Files.createDirectory(partial.path().resolve("folder"));
      content.write(complete);
      Files.deleteIfExists(target);
      Files.move(complete, target);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          folder + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
  }

  private void copy(SortedMap<String, ArtifactRef> files, Path folder) throws IOException {
    for (Map.Entry<String, ArtifactRef> file : files.entrySet()) {
      try (LocalCache.Pinned object = artifacts.open(file.getValue())) {
        Files.copy(object.path(), folder.resolve(file.getKey()));
        folder.resolve(file.getKey()).toFile().setWritable(true, true);
      }
    }
    if (!holds(folder, files)) {
      throw PolyphonyException.infrastructure(folder + ": changed while being written", null);
    }
  }

  private static void requireNew(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    if (Files.isDirectory(folder)) {
      try (Stream<Path> content = Files.list(folder)) {
        if (content.findAny().isEmpty()) {
          return;
        }
      } catch (IOException e) {
        throw new PolyphonyException(
            ErrorClass.CONFIG, folder + ": cannot be looked at; check its permissions", e);
      }
    }
    throw PolyphonyException.config(
        folder + " is there already and not an empty folder; name a new one");
  }

  private static boolean holds(Path folder, Map<String, ArtifactRef> files) throws IOException {
    if (!Files.isDirectory(folder)) {
      return false;
    }
    for (Map.Entry<String, ArtifactRef> file : files.entrySet()) {
      try {
        Path path = folder.resolve(file.getKey());
        if (Files.size(path) != file.getValue().bytes()
            || !Sha256.of(path).equals(file.getValue().sha256())) {
          return false;
        }
      } catch (NoSuchFileException e) {
        return false;
      }
    }
    return true;
  }

  private void layOut(Map<String, ArtifactRef> files, Path folder) throws IOException {
    Files.createDirectories(folders);
    Path partial = Files.createTempDirectory(folders, "partial-");
    try {
      for (Map.Entry<String, ArtifactRef> file : files.entrySet()) {
        try (LocalCache.Pinned object = artifacts.open(file.getValue())) {
          linkOrCopy(object.path(), partial.resolve(file.getKey()));
        }
      }
      if (Files.isDirectory(folder) && !holds(folder, files)) {
        // Damaged. Renamed first, so that nobody ever sees half a folder under the right name.
        Path damaged = Files.createTempDirectory(folders, "damaged-");
        move(folder, damaged.resolve("folder"));
        TemporaryFolder.delete(damaged);
      }
      move(partial, folder);
    } finally {
      TemporaryFolder.delete(partial);
    }
    if (!holds(folder, files)) {
      throw PolyphonyException.infrastructure(folder + ": changed while being written", null);
    }
  }

  /** Renames; where another process was faster, its folder stands. */
  private static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (FileSystemException e) {
      if (!Files.isDirectory(to) && Files.exists(from)) {
        throw e;
      }
    }
  }

  private static void linkOrCopy(Path from, Path to) throws IOException {
    try {
      Files.createLink(to, from);
    } catch (FileAlreadyExistsException e) {
      throw e;
    } catch (FileSystemException | UnsupportedOperationException e) {
      Files.copy(from, to);
    }
  }
}
