package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.activities.Checkpoints;
import polyphony.activities.lm.onnx.OnnxLogits;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.torch.TorchLogits;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;

/**
 * Adapters against what Hugging Face PEFT computes with the same files over the models of {@link
 * TransformersParityTest}. The folder {@code polyphony/adapters} among the test resources holds
 * them and what is expected; {@code make_adapter_fixtures.py} in {@code polyphony/parity} wrote
 * both.
 *
 * <p>Where the environment variable POLYPHONY_PARITY_EXPORT names a folder, adapters from here are
 * left there with their logits; {@code check_export.py} loads them with PEFT.
 */
class AdapterParityTest {
  private static final Path ADAPTERS = TransformersParityTest.FIXTURES.resolveSibling("adapters");
  private static final double TOLERANCE = 1e-4;
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path temporary;

  static Stream<String> variants() {
    try (Stream<Path> folders = Files.list(ADAPTERS)) {
      return folders
          .filter(Files::isDirectory)
          .map(folder -> folder.getFileName().toString())
          .sorted()
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("variants")
  void anAdapterOfPeftHasItsLogitsMergedOrNot(String variant) throws IOException {
    LanguageModel base = base(variant);
    LanguageModel model = base.with(Adapter.open(ADAPTERS.resolve(variant), base.config()));
    LanguageModel merged = merged(model);
    Path folder = ADAPTERS.resolve(variant);
    int[] prompt =
        JSON.convertValue(
            JSON.readTree(folder.resolve("expected.json").toFile()).path("prompt"), int[].class);
    float[] expected = Weights.open(folder.resolve("expected.safetensors")).floats("logits");
    int width = base.config().vocabularySize();
    double[][] logits = ReferenceDecoder.of(merged).logits(prompt);
    int kept = expected.length / width;
    for (int row = 0; row < kept; row++) {
      assertThat(
              difference(
                  logits[logits.length - kept + row],
                  Arrays.copyOfRange(expected, row * width, (row + 1) * width)))
          .isLessThanOrEqualTo(TOLERANCE);
    }
    float[] last = Arrays.copyOfRange(expected, (kept - 1) * width, kept * width);
    for (LanguageModel each : List.of(model, merged)) {
      assertThat(difference(wide(OnnxLogits.last(each, prompt, OnnxOptions.DEFAULT)), last))
          .isLessThanOrEqualTo(TOLERANCE);
      assertThat(difference(wide(TorchLogits.last(each, prompt)), last))
          .isLessThanOrEqualTo(TOLERANCE);
    }
    assertThat(difference(ReferenceDecoder.of(base).logits(prompt)[prompt.length - 1], last))
        .isGreaterThan(0.05);
  }

  @ParameterizedTest
  @MethodSource("variants")
  void anAdapterFromHereComesOutOfTheStoreAsPeftReadsIt(String variant) throws IOException {
    LanguageModel base = base(variant);
    AdapterConfig config = new AdapterConfig(3, 7.5, 0.1, base.config().linearLayers());
    Adapter adapter = TinyModels.adapter(temporary.resolve("own"), base.config(), config, 5);
    Artifacts artifacts =
        new Artifacts(
            new FolderObjectStore(temporary.resolve("store")),
            new LocalCache(temporary.resolve("objects"), 1 << 30));
    Checkpoints checkpoints = new Checkpoints(artifacts, temporary.resolve("cache"));
    ArtifactRef checkpoint =
        checkpoints.putWithAdapter(
            Checkpoints.put(base.folder(), artifacts::put),
            config,
            adapter.folder().resolve(Adapter.WEIGHTS),
            artifacts::put);
    Path exported = temporary.resolve("exported");
    checkpoints.export(checkpoint, exported, Optional.of("base"));
    try (Stream<Path> files = Files.list(exported)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(Adapter.CONFIG, Adapter.WEIGHTS);
    }
    LanguageModel model = base.with(Adapter.open(exported, base.config()));
    assertThat(model.adapter().orElseThrow().config()).isEqualTo(config);

    Path whole = temporary.resolve("whole");
    checkpoints.exportMerged(checkpoint, whole);
    int[] prompt = {1, 7, 3, 40, 22, 9, 11, 30};
    double[][] logits = ReferenceDecoder.of(LanguageModel.open(whole)).logits(prompt);
    assertThat(ReferenceDecoder.of(merged(model)).logits(prompt)).isDeepEqualTo(logits);
    keep(variant, exported, prompt, logits);
  }

  /** The model of the fixture, which lacks a tokenizer, with one that plays no part here. */
  private LanguageModel base(String variant) throws IOException {
    Path folder = temporary.resolve("base");
    TinyModels.untied(folder);
    Files.delete(folder.resolve(Weights.FILE));
    try (Stream<Path> files = Files.list(TransformersParityTest.FIXTURES.resolve(variant))) {
      for (Path file :
          files.filter(each -> !each.getFileName().toString().startsWith("exp")).toList()) {
        Files.deleteIfExists(folder.resolve(file.getFileName()));
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    return LanguageModel.open(folder);
  }

  private LanguageModel merged(LanguageModel model) throws IOException {
    Path folder = Files.createDirectory(temporary.resolve("merged"));
    for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
      Files.copy(model.folder().resolve(file), folder.resolve(file));
    }
    model.writeWeights(folder.resolve(Weights.FILE));
    return LanguageModel.open(folder);
  }

  /** For whoever loads it elsewhere. */
  private static void keep(String variant, Path adapter, int[] prompt, double[][] logits)
      throws IOException {
    String folder = System.getenv("POLYPHONY_PARITY_EXPORT");
    if (folder == null) {
      return;
    }
    Path kept = Files.createDirectories(Path.of(folder).resolve("adapter-" + variant));
    for (String file : List.of(Adapter.CONFIG, Adapter.WEIGHTS)) {
      Files.deleteIfExists(kept.resolve(file));
      Files.copy(adapter.resolve(file), kept.resolve(file));
    }
    ObjectNode ours = JSON.createObjectNode();
    ours.put("base", variant);
    ours.set("prompt", JSON.valueToTree(prompt));
    ours.set("logits", JSON.valueToTree(logits));
    JSON.writeValue(kept.resolve("ours.json").toFile(), ours);
  }

  private static double[] wide(float[] values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  private static double difference(double[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    return IntStream.range(0, expected.length)
        .mapToDouble(i -> Math.abs(actual[i] - expected[i]))
        .max()
        .orElseThrow();
  }
}
