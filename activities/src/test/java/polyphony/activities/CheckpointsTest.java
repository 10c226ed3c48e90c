package polyphony.activities;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.Weights;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.CanonicalJson;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Sha256;
import polyphony.workflows.ModelDefaults;

class CheckpointsTest {
  @TempDir Path temporary;

  private Artifacts artifacts;
  private Path model;
  private Checkpoints checkpoints;

  @BeforeEach
  void aTinyModel() throws IOException {
    artifacts =
        new Artifacts(
            new FolderObjectStore(temporary.resolve("store")),
            new LocalCache(temporary.resolve("objects"), 1 << 30));
    model = temporary.resolve("tiny");
    TinyModels.untied(model);
    checkpoints = anotherProcess();
  }

  private Checkpoints anotherProcess() {
    return new Checkpoints(artifacts, temporary.resolve("cache"));
  }

  private ArtifactRef put(Path file, String mediaType, String name) {
    return artifacts.put(file, mediaType, name);
  }

  private ArtifactRef put(String content) {
    return artifacts.put(
        content.getBytes(StandardCharsets.UTF_8), Checkpoints.MEDIA_TYPE, "checkpoint.json");
  }

  @Test
  void aShardedModelKeepsItsShardsUntilItIsFinetuned() throws IOException {
    Weights whole = LanguageModel.open(model).weights();
    Map<String, FloatBuffer> values = new LinkedHashMap<>();
    Map<String, long[]> shapes = new LinkedHashMap<>();
    List<String> entries = new ArrayList<>();
    List<String> shards = List.of("model-1.safetensors", "model-2.safetensors");
    for (String shard : shards) {
      Map<String, FloatBuffer> part = new LinkedHashMap<>();
      for (Weights.Tensor tensor : whole.tensors().values()) {
        if (tensor.name().contains("mlp") == shard.equals(shards.get(1))) {
          part.put(tensor.name(), FloatBuffer.wrap(whole.floats(tensor.name())));
          shapes.put(tensor.name(), tensor.shape());
          entries.add("\"" + tensor.name() + "\": \"" + shard + "\"");
        }
      }
      values.putAll(part);
      Weights.write(model.resolve(shard), part, shapes, Map.of("format", "pt"));
    }
    Files.move(model.resolve(Weights.FILE), temporary.resolve("whole"));
    Files.writeString(
        model.resolve(Weights.INDEX), "{\"weight_map\": {" + String.join(", ", entries) + "}}");

    ArtifactRef start = Checkpoints.put(model, this::put);
    assertThat(checkpoints.files(start))
        .containsKeys(shards.get(0), shards.get(1), Weights.INDEX)
        .doesNotContainKey(Weights.FILE);
    String lines =
        Sha256.of(model.resolve(shards.get(0)))
            + "  model-1.safetensors\n"
            + Sha256.of(model.resolve(shards.get(1)))
            + "  model-2.safetensors\n";
    assertThat(checkpoints.weightsSha256(start))
        .isEqualTo(Sha256.of(lines.getBytes(StandardCharsets.UTF_8)));
    LanguageModel opened = checkpoints.open(start);
    for (String name : values.keySet()) {
      assertThat(opened.weights().floats(name)).isEqualTo(values.get(name).array());
    }

    ArtifactRef tuned = checkpoints.putWithWeights(start, temporary.resolve("whole"), this::put);
    assertThat(checkpoints.files(tuned))
        .containsKey(Weights.FILE)
        .doesNotContainKeys(shards.get(0), shards.get(1), Weights.INDEX);
    checkpoints.open(tuned);
  }

  @Test
  void aFolderComesBackWithTheSameBytesAndWithoutForeignFiles() throws IOException {
    Files.writeString(model.resolve("README.md"), "not part of a model");
    ArtifactRef checkpoint = Checkpoints.put(model, this::put);
    LanguageModel opened = checkpoints.open(checkpoint);
    try (Stream<Path> files = Files.list(opened.folder())) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "config.json",
              "generation_config.json",
              "tokenizer.json",
              "tokenizer_config.json",
              "model.safetensors");
    }
    assertThat(opened.folder().resolve("model.safetensors"))
        .hasSameBinaryContentAs(model.resolve("model.safetensors"));
    assertThat(opened.config()).isEqualTo(TinyModels.config(false));
    assertThat(checkpoints.open(checkpoint).folder()).isEqualTo(opened.folder());
  }

  @Test
  void equalFoldersAreOneCheckpoint() throws IOException {
    Path twin = temporary.resolve("twin");
    TinyModels.untied(twin);
    assertThat(Checkpoints.put(twin, this::put)).isEqualTo(Checkpoints.put(model, this::put));
  }

  @Test
  void newWeightsShareEveryOtherFile() throws IOException {
    ArtifactRef start = Checkpoints.put(model, this::put);
    Path other = temporary.resolve("other");
    TinyModels.random(other, TinyModels.config(false), 2);
    ArtifactRef tuned =
        checkpoints.putWithWeights(start, other.resolve("model.safetensors"), this::put);
    Map<String, ArtifactRef> before = new LinkedHashMap<>(checkpoints.files(start));
    Map<String, ArtifactRef> after = new LinkedHashMap<>(checkpoints.files(tuned));
    assertThat(checkpoints.weightsSha256(tuned)).isNotEqualTo(checkpoints.weightsSha256(start));
    before.remove(Checkpoints.WEIGHTS);
    after.remove(Checkpoints.WEIGHTS);
    assertThat(after).isEqualTo(before);
    assertThat(checkpoints.open(tuned).folder().resolve("model.safetensors"))
        .hasSameBinaryContentAs(other.resolve("model.safetensors"));
  }

  @Test
  void adaptersShareTheirBaseAndItsFolder() throws IOException {
    ArtifactRef base = Checkpoints.put(model, this::put);
    DecoderConfig decoder = TinyModels.config(false);
    AdapterConfig config = new AdapterConfig(3, 6, 0, new TreeSet<>(Set.of("q_proj", "down_proj")));
    Path first = TinyModels.adapter(temporary.resolve("a"), decoder, config, 1).folder();
    Path second = TinyModels.adapter(temporary.resolve("b"), decoder, config, 2).folder();
    List<String> stored = new ArrayList<>();
    ArtifactRef one =
        checkpoints.putWithAdapter(
            base,
            config,
            first.resolve(Adapter.WEIGHTS),
            (file, mediaType, name) -> {
              stored.add(name);
              return put(file, mediaType, name);
            });
    assertThat(stored).containsExactly(Adapter.CONFIG, Adapter.WEIGHTS, "checkpoint.json");
    ArtifactRef two =
        checkpoints.putWithAdapter(one, config, second.resolve(Adapter.WEIGHTS), this::put);

    LanguageModel opened = checkpoints.open(one);
    LanguageModel other = anotherProcess().open(two);
    assertThat(opened.folder())
        .isEqualTo(other.folder())
        .isEqualTo(checkpoints.open(base).folder());
    assertThat(opened.folder().getFileName()).hasToString(base.sha256());
    assertThat(opened.adapter().orElseThrow().config()).isEqualTo(config);
    assertThat(opened.adapter().orElseThrow().folder().resolve(Adapter.WEIGHTS))
        .hasSameBinaryContentAs(first.resolve(Adapter.WEIGHTS));
    assertThat(other.adapter().orElseThrow().folder().resolve(Adapter.WEIGHTS))
        .hasSameBinaryContentAs(second.resolve(Adapter.WEIGHTS));
    assertThat(checkpoints.open(base).adapter()).isEmpty();
    assertThat(checkpoints.adapterConfig(two)).contains(config);
    assertThat(checkpoints.adapterConfig(base)).isEmpty();

    String lines =
        Sha256.of(first.resolve(Adapter.WEIGHTS))
            + "  adapter_model.safetensors\n"
            + Sha256.of(model.resolve(Weights.FILE))
            + "  model.safetensors\n";
    assertThat(checkpoints.weightsSha256(one))
        .isEqualTo(Sha256.of(lines.getBytes(StandardCharsets.UTF_8)))
        .isNotEqualTo(checkpoints.weightsSha256(two));

    ArtifactRef whole = checkpoints.putWithWeights(one, model.resolve(Weights.FILE), this::put);
    assertThat(whole).isEqualTo(base);
  }

  @Test
  void halfAnAdapterIsNone() throws IOException {
    ArtifactRef base = Checkpoints.put(model, this::put);
    AdapterConfig config = new AdapterConfig(2, 4, 0, new TreeSet<>(Set.of("v_proj")));
    DecoderConfig decoder = TinyModels.config(false);
    Path weights =
        TinyModels.adapter(temporary.resolve("a"), decoder, config, 1)
            .folder()
            .resolve(Adapter.WEIGHTS);
    ArtifactRef whole = checkpoints.putWithAdapter(base, config, weights, this::put);
    for (String name : List.of(Adapter.CONFIG, Adapter.WEIGHTS)) {
      Map<String, ArtifactRef> files = new TreeMap<>(checkpoints.files(whole));
      files.remove(name);
      ArtifactRef half = put(new String(CanonicalJson.bytes(files), StandardCharsets.UTF_8));
      assertThatThrownBy(() -> checkpoints.open(half)).hasMessageContaining("has only the files");
    }
    AdapterConfig another = new AdapterConfig(3, 4, 0, config.targets());
    assertThatThrownBy(() -> checkpoints.putWithAdapter(base, another, weights, this::put))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("adapter_config.json implies [3, 24]");
  }

  @Test
  void weightsOfAnotherShapeAreRefused() {
    ArtifactRef start = Checkpoints.put(model, this::put);
    Path weights = temporary.resolve("weights.safetensors");
    Weights.write(
        weights, Map.of("a", FloatBuffer.allocate(2)), Map.of("a", new long[] {2}), Map.of());
    assertThatThrownBy(() -> checkpoints.putWithWeights(start, weights, this::put))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("finetuning lost or changed");
  }

  @Test
  void aNameWithASeparatorIsRefused() throws IOException {
    ArtifactRef start = Checkpoints.put(model, this::put);
    String json = new String(artifacts.bytes(start), StandardCharsets.UTF_8);
    for (String name : List.of("../config.json", "a/config.json", "README.md")) {
      ArtifactRef tampered = put(json.replace("\"config.json\":{", "\"" + name + "\":{"));
      assertThatThrownBy(() -> checkpoints.open(tampered))
          .isInstanceOf(PolyphonyException.class)
          .hasMessageContaining("has files other than");
    }
    assertThatThrownBy(() -> checkpoints.open(put("{}")))
        .hasMessageContaining("has only the files");
    assertThatThrownBy(() -> checkpoints.open(put("[1]")))
        .hasMessageContaining("is not a checkpoint");
  }

  @Test
  void aTamperedFolderIsLaidOutAgain() throws IOException {
    ArtifactRef checkpoint = Checkpoints.put(model, this::put);
    Path folder = checkpoints.open(checkpoint).folder();
    Path config = folder.resolve("config.json");
    byte[] before = Files.readAllBytes(config);
    // Replaced, not written in place: the folder's files are links to the objects.
    Files.delete(config);
    Files.write(config, new byte[before.length]);
    Checkpoints another = anotherProcess();
    assertThat(another.open(checkpoint).config()).isEqualTo(TinyModels.config(false));
    assertThat(Files.readAllBytes(config)).isEqualTo(before);
  }

  @Test
  void anObjectThatDoesNotMatchItsHashIsRefused() throws IOException {
    ArtifactRef checkpoint = Checkpoints.put(model, this::put);
    Path weights =
        temporary
            .resolve("store")
            .resolve(Artifacts.key(checkpoints.files(checkpoint).get(Checkpoints.WEIGHTS)));
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1;
    Files.write(weights, bytes);
    assertThatThrownBy(() -> checkpoints.open(checkpoint)).isInstanceOf(PolyphonyException.class);
  }

  @Test
  void manyOpenersAtOnceGetOneFolder() throws Exception {
    ArtifactRef checkpoint = Checkpoints.put(model, this::put);
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<Path>> folders = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        Checkpoints own = anotherProcess();
        folders.add(threads.submit(() -> own.open(checkpoint).folder()));
      }
      for (Future<Path> folder : folders) {
        assertThat(folder.get()).isEqualTo(folders.get(0).get());
      }
    } finally {
      threads.shutdownNow();
    }
    try (Stream<Path> left = Files.list(temporary.resolve("cache/models"))) {
      assertThat(left).hasSize(1);
    }
  }

  @Test
  void defaultsAreReadStrictly() throws IOException {
    assertThat(checkpoints.defaults(Checkpoints.put(model, this::put)))
        .isEqualTo(ModelDefaults.NONE);
    Path file = model.resolve("polyphony.json");
    Files.writeString(
        file,
        "{\"promptSet\":\"compact\",\"summaries\":false,\"sampling\":{\"temperature\":1,\"topP\":1,"
            + "\"maxNewTokens\":96}}");
    ModelDefaults defaults = checkpoints.defaults(Checkpoints.put(model, this::put));
    assertThat(defaults.promptSet()).isEqualTo("compact");
    assertThat(defaults.sampling().maxNewTokens()).isEqualTo(96);
    for (String wrong : List.of("{\"prompts\":\"compact\"}", "{\"promptSet\":", "{} {}")) {
      Files.writeString(file, wrong);
      assertThatThrownBy(() -> Checkpoints.put(model, this::put))
          .isInstanceOf(PolyphonyException.class)
          .hasMessageStartingWith("polyphony.json of the model cannot be read");
    }
  }
}
