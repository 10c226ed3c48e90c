package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.storage.Sha256;

/**
 * Everything that a person can hand in wrong, through the whole program: one line, the right exit
 * code, and whatever was stored before is still there, byte for byte.
 */
class BadInputIT {
  private static final String SPEC =
      "{\"method\": \"base\", \"task\": {\"train\": 4, \"evaluate\": 4}, \"baseModel\": \"small\","
          + " \"promptSet\": \"compact\", \"sampling\": {\"maxNewTokens\": 8}}";

  @TempDir private static Path folder;
  private static Path store;
  private static String spec;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private Path model;

  /** A store with a model and a finished experiment. */
  @BeforeAll
  static void anExperimentIsDone() throws IOException {
    store = folder.resolve("store");
    BadInputIT before = new BadInputIT();
    before.aModel();
    assertThat(
            before.run(
                "model",
                "import",
                before.model.toString(),
                "--name",
                "small",
                "--store",
                store.toString()))
        .as(before.errors())
        .isZero();
    spec = Files.writeString(folder.resolve("spec.json"), SPEC).toString();
    assertThat(before.run("run", spec, "--store", store.toString(), "--experiment", "done"))
        .as(before.errors())
        .isZero();
  }

  /** A folder that is right, to be spoiled. */
  @BeforeEach
  void aModel() throws IOException {
    model = Files.createTempDirectory(folder, "model-");
    NewLanguageModel.write(
        model,
        new DecoderConfig(
            NewLanguageModel.vocabularySize(CompactDialect.ALPHABET),
            16,
            2,
            2,
            1,
            8,
            32,
            10_000,
            1e-5,
            640,
            true),
        CompactDialect.ALPHABET,
        CompactDialect.SPECIAL_TOKENS,
        CompactDialect.CHAT_TEMPLATE,
        1,
        0.05f);
  }

  @Test
  void aRightFolderIsImported() {
    assertThat(
            run(
                "model",
                "import",
                model.toString(),
                "--name",
                "again",
                "--store",
                store.toString()))
        .isZero();
    assertThat(output()).startsWith("imported again");
  }

  @Test
  void aModelThatNobodyImportedIsRefusedWithThoseThatExist() throws IOException {
    spoiltSpec("\"small\"", "\"other\"", "other", "small");
  }

  @Test
  void aMissingModelFolderIsRefused() {
    refusedModel(folder.resolve("nowhere"), "nowhere");
  }

  @Test
  void aHalfCopiedModelFolderIsRefused() throws IOException {
    Files.delete(model.resolve("tokenizer.json"));
    refusedModel(model, "tokenizer.json");
  }

  @Test
  void aTruncatedWeightsFileIsRefused() throws IOException {
    spoil("model.safetensors", bytes -> Arrays.copyOf(bytes, bytes.length - 64));
    refusedModel(model, "model.safetensors");
    spoil("model.safetensors", bytes -> Arrays.copyOf(bytes, 5));
    refusedModel(model, "model.safetensors");
  }

  @Test
  void aLyingWeightsHeaderIsRefused() throws IOException {
    spoil(
        "model.safetensors",
        bytes -> {
          ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, Long.MAX_VALUE);
          return bytes;
        });
    refusedModel(model, "header");
  }

  @Test
  void anOffsetBeyondTheWeightsFileIsRefused() throws IOException {
    spoil(
        "model.safetensors",
        bytes -> {
          String text = new String(bytes, StandardCharsets.ISO_8859_1);
          int offsets = text.indexOf("\"data_offsets\":[0,") + "\"data_offsets\":[0,".length();
          bytes[offsets] = '9';
          return bytes;
        });
    refusedModel(model, "model.safetensors");
  }

  @Test
  void anUnsupportedArchitectureIsRefused() throws IOException {
    replace("config.json", "LlamaForCausalLM", "GPT2LMHeadModel");
    refusedModel(model, "GPT2LMHeadModel");
  }

  @Test
  void aTokenizerLargerThanTheEmbeddingIsRefused() throws IOException {
    replace("tokenizer.json", "\"B\" :", "\"C\" : 99, \"B\" :");
    refusedModel(model, "tokenizer");
  }

  @Test
  void anUnknownFieldMethodOrTaskIsRefused() throws IOException {
    spoiltSpec("\"method\"", "\"metod\"", "metod", "method");
    refused(2, List.of("magic", "multiagent-ft"), "--method", "magic");
    refused(2, List.of("chess", "arithmetic"), "--task", "chess");
  }

  @Test
  void numbersOutOfRangeAreRefused() {
    refused(2, List.of("agents", "16"), "--agents", "17");
    refused(2, List.of("rounds", "8"), "--rounds", "0");
    refused(2, List.of("iterations", "100"), "--iterations", "101");
  }

  @Test
  void moreQuestionsThanTheTaskHasAreRefused() {
    refused(2, List.of("task.train", "1000000"), "--train-questions", "1000001");
  }

  @Test
  void anotherSpecUnderTheSameNameIsRefused() {
    refused(2, List.of("seed", "name"), "--experiment", "done", "--seed", "7");
  }

  @Test
  void aStoreThatIsAFileIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "precious");
    refused(2, List.of("file"), () -> run("run", "--store", file.toString()));
    assertThat(file).hasContent("precious");
  }

  @Test
  void aDamagedObjectIsToldAndEndsWithOne() throws IOException {
    // The spec's seed differs, so that its steps are computed over the damaged base model.
    Path copy = folder.resolve("damaged");
    Map<String, byte[]> files = stored();
    for (Map.Entry<String, byte[]> each : files.entrySet()) {
      if (!each.getKey().startsWith(".")) {
        Path file = copy.resolve(each.getKey());
        Files.createDirectories(file.getParent());
        Files.write(file, each.getValue());
      }
    }
    // The models of all tests here are the same.
    byte[] weights = Files.readAllBytes(model.resolve("model.safetensors"));
    Path object = copy.resolve("objects").resolve(Sha256.of(weights));
    assertThat(object).exists();
    weights[weights.length / 2] ^= 1;
    Files.write(object, weights);
    assertThat(run("run", spec, "--seed", "3", "--store", copy.toString())).isNotZero();
    assertThat(errors().lines().filter(line -> line.startsWith("polyphony: ")))
        .singleElement()
        .asString()
        .contains("damaged");
  }

  private void refusedModel(Path bad, String part) {
    refused(
        2,
        List.of(part),
        () -> run("model", "import", bad.toString(), "--name", "bad", "--store", store.toString()));
  }

  private void refused(int exitCode, List<String> parts, Action action) {
    Map<String, byte[]> before = stored();
    assertThat(action.run()).as(errors()).isEqualTo(exitCode);
    assertThat(output()).isEmpty();
    assertThat(errors().lines().filter(line -> !line.startsWith("experiment ")))
        .singleElement()
        .asString()
        .startsWith("polyphony: ")
        .contains(parts);
    Map<String, byte[]> after = stored();
    before.forEach((name, bytes) -> assertThat(after.get(name)).as(name).isEqualTo(bytes));
  }

  private interface Action {
    int run();
  }

  private void refused(int exitCode, List<String> parts, String... flags) {
    List<String> arguments = new ArrayList<>(List.of("run", spec, "--store", store.toString()));
    arguments.addAll(List.of(flags));
    refused(exitCode, parts, () -> run(arguments.toArray(String[]::new)));
  }

  private void spoiltSpec(String part, String other, String... told) throws IOException {
    assertThat(SPEC).contains(part);
    Path file = Files.writeString(folder.resolve("spoilt.json"), SPEC.replace(part, other));
    refused(2, List.of(told), () -> run("run", file.toString(), "--store", store.toString()));
  }

  private int run(String... arguments) {
    out.reset();
    err.reset();
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    return Polyphony.execute(console, Assembly::of, arguments);
  }

  /** Every file of the store by its path, but what belongs to this machine alone. */
  private static Map<String, byte[]> stored() {
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(store)) {
      for (Path path : paths.filter(Files::isRegularFile).toList()) {
        String name = store.relativize(path).toString();
        if (!name.startsWith(".")) {
          files.put(name, Files.readAllBytes(path));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return files;
  }

  private void spoil(String name, UnaryOperator<byte[]> change) throws IOException {
    Path file = model.resolve(name);
    Files.write(file, change.apply(Files.readAllBytes(file)));
  }

  private void replace(String name, String part, String other) throws IOException {
    String text = Files.readString(model.resolve(name));
    assertThat(text).contains(part);
    Files.writeString(model.resolve(name), text.replace(part, other));
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
