package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.lm.Weights;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.storage.Sha256;

class ModelCommandTest {
  @TempDir private Path folder;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private Path model;
  private Path store;

  @BeforeEach
  void aModel() {
    store = folder.resolve("store");
    model = folder.resolve("tiny");
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
        0.3f);
  }

  @Test
  void anImportedModelIsListedAndComesOutAsItWentIn() throws IOException {
    assertThat(run("model", "import", model.toString(), "--json")).as(errors()).isZero();
    JsonNode imported = json();
    assertThat(imported.path("name").asText()).isEqualTo("tiny");
    assertThat(imported.path("chatTemplate").asBoolean()).isTrue();
    assertThat(run("model", "list")).isZero();
    assertThat(output().lines().map(line -> line.replaceFirst(" .*", "")))
        .containsExactly("model", "built-in", "tiny");
    Path exported = folder.resolve("exported");
    assertThat(run("model", "export", "tiny", exported.toString())).as(errors()).isZero();
    assertThat(contents(exported)).isEqualTo(contents(model));
    String weights = imported.path("weights").asText();
    Path again = Files.createDirectory(folder.resolve("again"));
    assertThat(run("model", "export", weights.substring(0, 12), again.toString())).isZero();
    assertThat(contents(again)).isEqualTo(contents(model));
  }

  @Test
  void anAdapterComesInOverItsBaseAndOutAloneOrMerged() throws IOException {
    run("model", "import", model.toString());
    LanguageModel base = LanguageModel.open(model);
    AdapterConfig config = new AdapterConfig(2, 3, 0, new TreeSet<>(List.of("v_proj")));
    Path adapter = adapter(config, base.config());
    refused("with --base", "model", "import", adapter.toString());
    refused("with --base", "model", "generate", adapter.toString(), "--prompt", "Q1");
    refused(
        "exclude each other", importing(adapter, "--chat-template", model.resolve("config.json")));
    assertThat(run(importing(adapter, "--json"))).as(errors()).isZero();
    String weights = json().path("weights").asText();
    assertThat(json().path("chatTemplate").asBoolean()).isTrue();
    refused(
        "has an adapter itself", "model", "import", "" + adapter, "--base", "lora", "--name", "b");

    Path record = folder.resolve("store/models/spoilt.json");
    Files.writeString(record, "no checkpoint");
    Path other = folder.resolve("other");
    assertThat(run("model", "export", "tiny", other.toString())).as(errors()).isZero();
    Files.delete(record);

    assertThat(run("model", "list")).isZero();
    assertThat(output())
        .contains("LoRA of rank 2, alpha 3, on v_proj, over tiny", weights.substring(0, 16));
    assertThat(run("model", "list", "--json")).isZero();
    assertThat(json().path(1).path("adapter"))
        .isEqualTo(
            new ObjectMapper()
                .readTree(
                    "{\"rank\": 2, \"alpha\": 3.0, \"targets\": [\"v_proj\"], \"base\": \"tiny\"}"));
    assertThat(json().path(2).path("adapter").isNull()).isTrue();

    Path alone = folder.resolve("alone");
    assertThat(run("model", "export", "lora", alone.toString())).as(errors()).isZero();
    assertThat(output()).contains("the adapter alone: LoRA of rank 2");
    config.write(adapter.resolve(Adapter.CONFIG), Optional.of("tiny"));
    assertThat(contents(alone)).isEqualTo(contents(adapter));

    Path merged = folder.resolve("merged");
    assertThat(run("model", "export", weights.substring(0, 10), merged.toString(), "--merged"))
        .as(errors())
        .isZero();
    assertThat(output()).contains("merged: LoRA of rank 2");
    LanguageModel with = base.with(Adapter.open(adapter, base.config()));
    LanguageModel whole = LanguageModel.open(merged);
    assertThat(whole.config()).isEqualTo(base.config());
    for (String name : base.config().weightShapes().keySet()) {
      assertThat(whole.weights().floats(name)).isEqualTo(with.floats(name));
      assertThat(Arrays.equals(whole.weights().floats(name), base.weights().floats(name)))
          .isEqualTo(!name.contains("v_proj"));
    }
    assertThat(whole.weights().metadata()).containsEntry("format", "pt");
  }

  private static String[] importing(Path adapter, Object... more) {
    return Stream.concat(
            Stream.of("model", "import", adapter, "--base", "tiny", "--name", "lora"),
            Stream.of(more))
        .map(Object::toString)
        .toArray(String[]::new);
  }

  private Path adapter(AdapterConfig config, DecoderConfig base) throws IOException {
    Path adapter = Files.createDirectory(folder.resolve("adapter"));
    Map<String, long[]> shapes = config.weightShapes(base);
    Weights.write(
        adapter.resolve(Adapter.WEIGHTS),
        shapes,
        name -> {
          float[] values = new float[(int) (shapes.get(name)[0] * shapes.get(name)[1])];
          Arrays.fill(values, 0.1f);
          return FloatBuffer.wrap(values);
        },
        Map.of("format", "pt"));
    config.write(adapter.resolve(Adapter.CONFIG), Optional.empty());
    return adapter;
  }

  @Test
  void whatAnExportWouldOverwriteStays() throws IOException {
    run("model", "import", model.toString());
    String before = contents(model).toString();
    refused("is there already", "model", "export", "tiny", model.toString());
    refused("is there already", "model", "export", "tiny", model.resolve("config.json").toString());
    assertThat(contents(model).toString()).isEqualTo(before);
    refused("the store has no model \"other\"", "model", "export", "other", folder + "/x");
    refused("no model \"0123456789\"", "model", "export", "0123456789", folder + "/x");
    refused("nothing is called", "model", "export", "a/iteration-001/critic-1", folder + "/x");
    assertThat(folder.resolve("x")).doesNotExist();
  }

  @Test
  void aModelWithoutATemplateGetsOneAtItsImport() throws IOException {
    Path configuration = model.resolve("tokenizer_config.json");
    Files.writeString(
        configuration, Files.readString(configuration).replace("chat_template", "no_template"));
    assertThat(run("model", "import", model.toString(), "--name", "silent")).isZero();
    assertThat(output()).contains("no chat template", "--chat-template");
    refused("--chat-template FILE", "model", "generate", model.toString(), "--prompt", "Q1");
    assertThat(run("model", "generate", model.toString(), "--raw", "--prompt", "Q1")).isZero();

    Path template =
        Files.writeString(
            folder.resolve("t.jinja"),
            "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}");
    String[] importing = {
      "model", "import", model.toString(), "--name", "speaking", "--chat-template", "" + template
    };
    assertThat(run(importing)).as(errors()).isZero();
    assertThat(output()).doesNotContain("no chat template");
    assertThat(run(importing)).isZero();
    Path exported = folder.resolve("exported");
    assertThat(run("model", "export", "speaking", exported.toString())).isZero();
    assertThat(exported.resolve("chat_template.jinja")).hasSameBinaryContentAs(template);
    assertThat(model.resolve("chat_template.jinja")).doesNotExist();
    assertThat(run("model", "generate", "speaking", "--prompt", "Q1", "--json")).isZero();
    assertThat(json().path("promptTokens").asInt()).isEqualTo(3);
  }

  @Test
  void aBadTemplateIsRefusedAndNothingIsImported() throws IOException {
    Path template = Files.writeString(folder.resolve("bad.jinja"), "{% for %}");
    String[] importing = {"model", "import", "" + model, "--chat-template", "" + template};
    refused("chat template", importing);
    Files.writeString(template, "{{ raise_exception('only one turn') }}");
    refused("only one turn", importing);
    Files.write(template, new byte[] {'a', (byte) 0xff});
    refused("UTF-8", importing);
    Files.delete(template);
    refused("does not exist", importing);
    assertThat(run("model", "list")).isZero();
    assertThat(output()).doesNotContain("tiny");
  }

  @Test
  void misalignedWeightsAreWrittenAnewWithTheirValues() throws IOException {
    Weights before = LanguageModel.open(model).weights();
    Map<String, float[]> values = new HashMap<>();
    before.tensors().keySet().forEach(name -> values.put(name, before.floats(name)));
    shiftByOneByte(model.resolve("model.safetensors"));
    String shifted = Sha256.of(model.resolve("model.safetensors"));
    assertThat(run("model", "import", model.toString(), "--json")).as(errors()).isZero();
    assertThat(json().path("realigned")).hasSize(1);
    assertThat(Sha256.of(model.resolve("model.safetensors"))).isEqualTo(shifted);
    Path exported = folder.resolve("exported");
    run("model", "export", "tiny", exported.toString());
    Weights after = LanguageModel.open(exported).weights();
    assertThat(after.metadata()).isEqualTo(before.metadata());
    assertThat(after.tensors()).containsOnlyKeys(values.keySet());
    for (String name : values.keySet()) {
      assertThat(after.tensor(name).offset() % 4).isZero();
      assertThat(Arrays.equals(after.floats(name), values.get(name))).as(name).isTrue();
    }
    assertThat(run("model", "generate", "tiny", "--prompt", "Q1", "--greedy")).isZero();
  }

  private static void shiftByOneByte(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    byte[] shifted = new byte[bytes.length + 1];
    int header = 8 + bytes[0] + (bytes[1] & 0xff) * 256 - (bytes[0] < 0 ? -256 : 0);
    System.arraycopy(bytes, 0, shifted, 0, header);
    shifted[header] = ' ';
    System.arraycopy(bytes, header, shifted, header + 1, bytes.length - header);
    shifted[0] = (byte) (bytes[0] + 1);
    Files.write(file, shifted);
  }

  @Test
  void equalSeedsGiveEqualAnswers() throws IOException {
    String[] asking = {
      "model", "generate", "" + model, "--prompt", "Q1+2", "--max-new-tokens", "8", "--json"
    };
    assertThat(run(asking)).as(errors()).isZero();
    JsonNode first = json();
    assertThat(first.path("tokens").size()).isBetween(1, 8);
    run(asking);
    assertThat(json()).isEqualTo(first);
    run(with(asking, "--seed", "5"));
    assertThat(json()).isNotEqualTo(first);
    run(with(asking, "--greedy"));
    JsonNode greedy = json();
    run(with(asking, "--temperature", "0"));
    assertThat(json()).isEqualTo(greedy);
  }

  @Test
  void settingsThatCannotBeAreRefused() {
    String[] asking = {"model", "generate", model.toString(), "--prompt", "Q1"};
    refused("--temperature", with(asking, "--temperature", "-1"));
    refused("--top-p", with(asking, "--top-p", "0"));
    refused("--max-new-tokens", with(asking, "--max-new-tokens", "0"));
    refused("--greedy", with(asking, "--greedy", "--top-p", "0.5"));
    refused("does not know", "model", "generate", model.toString(), "--prompt", "x");
    refused("--prompt is empty", "model", "generate", "" + model, "--raw", "--prompt", "");
    refused("import the model", "model", "generate", "./nowhere", "--prompt", "Q1");
    refused("there is no store", "model", "generate", "nowhere", "--prompt", "Q1");
    refused("neither a path nor a name", "model", "generate", "a\0b", "--prompt", "Q1");
    refused("--name", "model", "import", "/");
  }

  @Test
  void bothBackendsPrintTheSameLogits() throws IOException {
    Path tokens = Files.writeString(folder.resolve("tokens.json"), "[1, 5, 7, 9]");
    String[] asking = {"model", "logits", "" + model, "--tokens", "" + tokens, "--json"};
    assertThat(run(with(asking, "--backend", "onnx"))).as(errors()).isZero();
    JsonNode onnx = json();
    assertThat(onnx.properties()).hasSize(1);
    assertThat(run(with(asking, "--backend", "torch"))).as(errors()).isZero();
    JsonNode torch = json();
    assertThat(onnx.path("logits")).hasSize(26);
    for (int i = 0; i < 26; i++) {
      assertThat(onnx.path("logits").get(i).floatValue())
          .isCloseTo(torch.path("logits").get(i).floatValue(), Offset.offset(1e-4f));
    }
    assertThat(run("model", "logits", model.toString(), "--tokens", tokens.toString())).isZero();
    assertThat(output().lines()).hasSize(10);
  }

  @Test
  void logitsNeedNeitherATokenizerNorAnEndToken() throws IOException {
    Path tokens = Files.writeString(folder.resolve("tokens.json"), "[1, 5, 7, 9]");
    String[] asking = {"model", "logits", "" + model, "--tokens", "" + tokens};
    assertThat(run(asking)).as(errors()).isZero();
    List<String> numbers =
        output().lines().map(line -> line.strip().replaceFirst("( +\\d+) .*", "$1")).toList();
    Files.delete(model.resolve("tokenizer.json"));
    Files.delete(model.resolve("tokenizer_config.json"));
    for (String end : List.of("null", "26", "[-1, 32000]")) {
      Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": " + end + "}");
      assertThat(run(asking)).as(errors()).isZero();
      assertThat(output().lines().map(String::strip)).isEqualTo(numbers);
    }
    refused("tokenizer.json", "model", "generate", "" + model, "--prompt", "Q1");
    refused("tokenizer.json", "model", "import", "" + model);
  }

  @ParameterizedTest
  @CsvSource({"llama-dynamic, null", "qwen2, 32000", "phi3-longrope, '[61, 151643]'"})
  void whatSavePretrainedWritesHasTheLogitsOfTransformers(String variant, String end)
      throws IOException {
    Path fixture = Path.of("../activities/src/test/resources/polyphony/parity", variant);
    Path saved = Files.createDirectory(folder.resolve("saved"));
    Files.copy(fixture.resolve(Weights.FILE), saved.resolve(Weights.FILE));
    for (String file : List.of("config.json", "generation_config.json")) {
      Files.writeString(
          saved.resolve(file),
          Files.readString(fixture.resolve(file))
              .replaceFirst("\"eos_token_id\": \\d+", "\"eos_token_id\": " + end));
    }
    JsonNode expected = new ObjectMapper().readTree(fixture.resolve("expected.json").toFile());
    Weights logits = Weights.open(fixture.resolve("expected.safetensors"));
    for (String text : List.of("logits.0", "beyond")) {
      JsonNode ids = text.equals("beyond") ? expected.path(text) : expected.path("prompts").path(0);
      Path tokens = Files.writeString(folder.resolve("tokens.json"), ids.toString());
      float[] all = logits.floats(text);
      for (String backend : List.of("onnx", "torch")) {
        String[] asking = {"model", "logits", "" + saved, "--tokens", "" + tokens, "--json"};
        assertThat(run(with(asking, "--backend", backend))).as(errors()).isZero();
        JsonNode ours = json().path("logits");
        for (int i = 0; i < ours.size(); i++) {
          assertThat(ours.get(i).floatValue())
              .isCloseTo(all[all.length - ours.size() + i], Offset.offset(1e-4f));
        }
      }
    }
  }

  @Test
  void aModelThatCannotEndIsNotImported() throws IOException {
    Files.writeString(model.resolve("generation_config.json"), "{}");
    Path configuration = model.resolve("config.json");
    Files.writeString(
        configuration, Files.readString(configuration).replace("eos_token_id", "no_token_id"));
    refused("eos_token_id", "model", "import", "" + model);
    refused("eos_token_id", "model", "generate", "" + model, "--prompt", "Q1");
    String[] raw = {"model", "generate", "" + model, "--raw", "--prompt", "Q1", "--json"};
    assertThat(run(with(raw, "--max-new-tokens", "5"))).as(errors()).isZero();
    assertThat(json().path("tokens")).hasSize(5);
  }

  @Test
  void tokensThatAreNoneAreRefused() throws IOException {
    Path tokens = folder.resolve("tokens.json");
    String[] asking = {"model", "logits", model.toString(), "--tokens", tokens.toString()};
    refused("cannot be read", asking);
    for (String bad :
        List.of("", "{}", "[1", "[\"1\"]", "[1.5]", "[null]", "null", "[[1]]", "[99999999999]")) {
      Files.writeString(tokens, bad);
      refused("not a JSON array of token ids", asking);
    }
    for (String bad : List.of("[26]", "[-1]")) {
      Files.writeString(tokens, bad);
      refused("the model's vocabulary has 26", asking);
    }
    Files.writeString(tokens, "[]");
    refused("at least one token", asking);
    Files.writeString(tokens, "[1]");
    refused("onnx, torch", with(asking, "--backend", "tensorflow"));
  }

  @Test
  void everyCommandShowsExamples() {
    for (String command : List.of("import", "export", "list", "generate", "logits")) {
      assertThat(run("model", command, "--help")).isZero();
      assertThat(output()).contains("Examples:", "--json", "polyphony model " + command);
    }
  }

  private static String[] with(String[] arguments, String... more) {
    return Stream.concat(Arrays.stream(arguments), Arrays.stream(more)).toArray(String[]::new);
  }

  private static Map<String, String> contents(Path folder) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        contents.put(file.getFileName().toString(), Sha256.of(file));
      }
    }
    return contents;
  }

  private void refused(String part, String... arguments) {
    assertThat(run(arguments)).as(errors()).isEqualTo(2);
    assertThat(output()).isEmpty();
    assertThat(errors().lines())
        .singleElement()
        .asString()
        .startsWith("polyphony: ")
        .contains(part);
  }

  private int run(String... arguments) {
    out.reset();
    err.reset();
    Console console =
        new Console(
            new ByteArrayInputStream(new byte[0]),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    boolean model = arguments.length > 1 && !List.of(arguments).contains("--help");
    return Polyphony.execute(
        console, Assembly::of, model ? with(arguments, "--store", store.toString()) : arguments);
  }

  private JsonNode json() throws IOException {
    return new ObjectMapper().readTree(output());
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
