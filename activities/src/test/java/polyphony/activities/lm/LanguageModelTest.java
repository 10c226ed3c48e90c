package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class LanguageModelTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  @BeforeEach
  void write() {
    TinyModels.untied(folder);
  }

  @Test
  void aTiedModelNeedsNoOutputLayer() {
    assertThat(TinyModels.tied(folder.resolve("tied")).weights().tensors())
        .doesNotContainKey("lm_head.weight");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"})
  void aFolderWithoutAFileIsRefused(String name) throws IOException {
    Files.delete(folder.resolve(name));
    assertRefused(name);
  }

  @Test
  void computingNeedsNoTokenizer() throws IOException {
    LanguageModel whole = LanguageModel.open(folder);
    assertThat(whole.hasTokenizer()).isTrue();
    Files.delete(folder.resolve("tokenizer.json"));
    Files.delete(folder.resolve("tokenizer_config.json"));
    LanguageModel model = LanguageModel.openToCompute(folder);

    assertThat(model.hasTokenizer()).isFalse();
    assertThat(model.config()).isEqualTo(whole.config());
    assertThat(model.endTokens()).isEqualTo(whole.endTokens());
    change("config.json", "num_hidden_layers", "3");
    assertThatThrownBy(() -> LanguageModel.openToCompute(folder))
        .hasMessageContaining("model.layers.2.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"config.json", "generation_config.json", "tokenizer.json"})
  void aFileThatWasHalfCopiedIsRefused(String name) throws IOException {
    byte[] whole = Files.readAllBytes(folder.resolve(name));
    Files.write(folder.resolve(name), Arrays.copyOf(whole, whole.length / 2));
    assertRefused(name);
  }

  @Test
  void aFolderThatDoesNotExistIsRefused() {
    assertThatThrownBy(() -> LanguageModel.open(folder.resolve("absent")))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("no model folder");
  }

  @Test
  void aShardedModelHasTheTensorsOfTheWholeOne() throws IOException {
    LanguageModel whole = LanguageModel.open(folder);
    Path cut = folder.resolve("cut");
    ModelFiles.sharded(whole, cut, 3);
    LanguageModel sharded = LanguageModel.open(cut);

    assertThat(cut.resolve("model.safetensors")).doesNotExist();
    assertThat(sharded.weights().tensors().keySet()).isEqualTo(whole.weights().tensors().keySet());
    for (String name : whole.weights().tensors().keySet()) {
      assertThat(sharded.weights().floats(name)).isEqualTo(whole.weights().floats(name));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model.norm.weight | \"../model-00001-of-00002.safetensors\" | plain name",
        "model.norm.weight | \"/tmp/model.safetensors\" | plain name",
        "model.norm.weight | \"sub/model.safetensors\" | plain name",
        "model.norm.weight | \"config.json\" | plain name",
        "model.norm.weight | \".safetensors\" | plain name",
        "model.norm.weight | 1 | plain name",
        "model.norm.weight | null | plain name",
        "model.norm.weight | \"absent.safetensors\" | absent.safetensors",
        "model.norm.weight | \"model-00001-of-00002.safetensors\" | model.norm.weight",
        "another.weight | \"model-00001-of-00002.safetensors\" | another.weight",
      })
  void anIndexThatContradictsItsShardsIsRefused(String tensor, String shard, String named)
      throws IOException {
    Path cut = folder.resolve("cut");
    ModelFiles.sharded(LanguageModel.open(folder), cut, 2);
    Path index = cut.resolve("model.safetensors.index.json");
    ObjectNode json = (ObjectNode) JSON.readTree(index.toFile());
    ((ObjectNode) json.path("weight_map")).set(tensor, JSON.readTree(shard));
    JSON.writeValue(index.toFile(), json);

    assertRefused(cut, named);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "{\"weight_map\": []}",
        "{\"weight_map\": {}}",
        "{\"weight_map\": {\"a\": \"b.safetensors\", \"a\": \"c.safetensors\"}}",
        "{\"weight_map\"",
      })
  void aFileThatIsNoIndexIsRefused(String index) throws IOException {
    Path cut = folder.resolve("cut");
    ModelFiles.sharded(LanguageModel.open(folder), cut, 2);
    Files.writeString(cut.resolve("model.safetensors.index.json"), index);

    assertRefused(cut, "model.safetensors.index.json");
  }

  @Test
  void aTensorInTwoShardsIsRefused() throws IOException {
    Path cut = folder.resolve("cut");
    ModelFiles.sharded(LanguageModel.open(folder), cut, 2);
    Files.copy(
        cut.resolve("model-00001-of-00002.safetensors"),
        cut.resolve("model-00002-of-00002.safetensors"),
        StandardCopyOption.REPLACE_EXISTING);

    assertRefused(cut, "model-00002-of-00002.safetensors");
  }

  @Test
  void aShardThatWasHalfCopiedIsRefused() throws IOException {
    Path cut = folder.resolve("cut");
    ModelFiles.sharded(LanguageModel.open(folder), cut, 2);
    Path shard = cut.resolve("model-00002-of-00002.safetensors");
    byte[] whole = Files.readAllBytes(shard);
    Files.write(shard, Arrays.copyOf(whole, whole.length / 2));

    assertRefused(cut, "model-00002-of-00002.safetensors");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "architectures | [\"GPT2LMHeadModel\"] | GPT2LMHeadModel",
        "hidden_act | \"gelu\" | hidden_act",
        "attention_bias | true | self_attn.q_proj.bias",
        "mlp_bias | true | mlp.gate_proj.bias",
        "rope_scaling | {\"rope_type\": \"llama3\"} | rope_scaling",
        "hidden_size | 0 | hidden_size",
        "hidden_size | 24.5 | hidden_size",
        "hidden_size | \"24\" | hidden_size",
        "hidden_size | null | hidden_size",
        "hidden_size | 99999999999999 | hidden_size",
        "num_hidden_layers | -1 | num_hidden_layers",
        "num_key_value_heads | 4 | num_key_value_heads",
        "num_key_value_heads | 7 | num_key_value_heads",
        "head_dim | 3 | head_dim",
        "rms_norm_eps | 0 | rms_norm_eps",
        "rope_theta | \"big\" | rope_theta",
        "tie_word_embeddings | \"no\" | tie_word_embeddings",
      })
  void aConfigurationThatIsNotSupportedIsRefusedByField(String field, String value, String named)
      throws IOException {
    change("config.json", field, value);
    assertRefused(named);
  }

  @Test
  void weightsOfAnotherShapeThanTheConfigurationSaysAreRefused() throws IOException {
    change("config.json", "intermediate_size", "48");
    assertRefused(folder, "mlp.gate_proj.weight", "[40, 24]", "[48, 24]");
  }

  @Test
  void weightsThatLackALayerAreRefused() throws IOException {
    change("config.json", "num_hidden_layers", "3");
    assertRefused("model.layers.2.");
  }

  @Test
  void weightsThatBelongToAnotherArchitectureAreRefused() throws IOException {
    change("config.json", "num_hidden_layers", "1");
    assertRefused("model.layers.1.");
  }

  @Test
  void whatOldWritersStoredBesideTheWeightsIsNoMatter() {
    LanguageModel model = TinyModels.tied(folder.resolve("tied"));
    Map<String, long[]> shapes = new LinkedHashMap<>(model.config().weightShapes());
    shapes.put("lm_head.weight", shapes.get("model.embed_tokens.weight"));
    shapes.put("model.layers.0.self_attn.rotary_emb.inv_freq", new long[] {2});
    Weights.write(
        model.folder().resolve(Weights.FILE),
        shapes,
        name ->
            FloatBuffer.allocate((int) Arrays.stream(shapes.get(name)).reduce(1, (a, b) -> a * b)),
        Map.of());

    assertThat(LanguageModel.open(model.folder()).config()).isEqualTo(model.config());
  }

  @Test
  void weightsThatAreNotFloatingPointAreRefused() throws IOException {
    Path file = folder.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    String header = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
    Files.write(
        file,
        header
            .replaceFirst("\"dtype\":\"F32\"", "\"dtype\":\"I32\"")
            .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
    assertRefused(folder, "I32", "quantised");
  }

  @Test
  void aTokenizerWithMoreTokensThanTheEmbeddingIsRefusedWithBothNumbers() throws IOException {
    ObjectNode tokenizer = (ObjectNode) JSON.readTree(folder.resolve("tokenizer.json").toFile());
    ((ObjectNode) tokenizer.path("model").path("vocab")).put("x", 30);
    JSON.writeValue(folder.resolve("tokenizer.json").toFile(), tokenizer);
    assertRefused(folder, "31", "26");
  }

  @Test
  void endTokensComeFromTheGenerationConfigurationFirst() throws IOException {
    change("generation_config.json", "eos_token_id", "[2, 0, 2]");
    assertThat(LanguageModel.open(folder).endTokens()).containsExactly(2, 0);

    change("generation_config.json", "eos_token_id", "null");
    change("config.json", "eos_token_id", "1");
    assertThat(LanguageModel.open(folder).endTokens()).containsExactly(1);

    Files.delete(folder.resolve("generation_config.json"));
    assertThat(LanguageModel.open(folder).endTokens()).containsExactly(1);
  }

  @Test
  void aModelWithoutAnEndTokenOnlyCannotChat() throws IOException {
    change("generation_config.json", "eos_token_id", "null");
    change("config.json", "eos_token_id", "[]");
    LanguageModel model = LanguageModel.open(folder);

    assertThat(model.endTokens()).isEmpty();
    try (Tokenizer tokenizer = model.tokenizer()) {
      assertThatThrownBy(() -> model.chatFormat(tokenizer))
          .isInstanceOfSatisfying(
              PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
          .hasMessageContaining("eos_token_id");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"26 | ", "-1 | ", "[2, 99] | 2", "[32000, 99999999999] | ", "[26, 1, 0] | 1, 0"})
  void endTokensOutsideTheVocabularyAreLeftOut(String value, String left) throws IOException {
    change("generation_config.json", "eos_token_id", value);
    change("config.json", "eos_token_id", "null");
    assertThat(LanguageModel.open(folder).endTokens())
        .hasToString("[" + (left == null ? "" : left) + "]");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"2\"", "2.5", "[2, null]", "{}"})
  void anEndTokenThatIsNoIdIsRefused(String value) throws IOException {
    change("generation_config.json", "eos_token_id", value);
    assertRefused("eos_token_id");
  }

  private void change(String file, String field, String value) throws IOException {
    ObjectNode json = (ObjectNode) JSON.readTree(folder.resolve(file).toFile());
    json.set(field, JSON.readTree(value));
    JSON.writeValue(folder.resolve(file).toFile(), json);
  }

  private void assertRefused(String named) {
    assertRefused(folder, named);
  }

  private static void assertRefused(Path folder, String... named) {
    assertThatThrownBy(() -> LanguageModel.open(folder))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContainingAll(named)
        .hasMessageNotContaining("\n");
  }
}
