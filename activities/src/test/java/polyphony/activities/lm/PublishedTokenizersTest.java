package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.TestData;

/**
 * The tokenizers of real models against llama.cpp's texts and token ids, which were made without
 * start and end tokens; none of the texts holds a special token. Where only vocabulary and merges
 * are published, the tokenizer.json is put together here as transformers' converters do.
 */
class PublishedTokenizersTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SEPARATOR = "\n__ggml_vocab_test__\n";

  @TempDir private Path folder;

  @Test
  void phi3() throws IOException {
    assertReproduces("phi-3", published("phi-3-mini"));
  }

  /** The collection's copy has lost its no-break spaces: its merges cannot be read any more. */
  @Test
  void llama2() throws IOException {
    assertThatThrownBy(() -> FastTokenizer.open(published("llama-2")))
        .hasMessageContaining("not understood by the tokenizers library");
    JsonNode json = JSON.readTree(published("llama-2").toFile());
    ObjectNode model = (ObjectNode) json.path("model");
    ObjectNode vocabulary = JSON.createObjectNode();
    for (Map.Entry<String, JsonNode> entry : model.path("vocab").properties()) {
      vocabulary.set(entry.getKey().replace(' ', '\u00a0'), entry.getValue());
    }
    ArrayNode merges = JSON.createArrayNode();
    for (JsonNode merge : model.path("merges")) {
      merges.add(repaired(merge.asText(), vocabulary));
    }
    model.set("vocab", vocabulary);
    model.set("merges", merges);
    assertReproduces("llama-spm", written(json));
  }

  private static ArrayNode repaired(String merge, ObjectNode vocabulary) {
    for (int i = merge.indexOf(' '); i >= 0; i = merge.indexOf(' ', i + 1)) {
      String left = merge.substring(0, i).replace(' ', '\u00a0');
      String right = merge.substring(i + 1).replace(' ', '\u00a0');
      if (vocabulary.has(left) && vocabulary.has(right) && vocabulary.has(left + right)) {
        return JSON.createArrayNode().add(left).add(right);
      }
    }
    throw new AssertionError("no two tokens: " + merge);
  }

  @Test
  void llama3() throws IOException {
    Path files = TestData.path("tokenizers/llama-3");
    ObjectNode json =
        byteLevel(
            files.resolve("vocab-and-merges/encoder.json"),
            files.resolve("vocab-and-merges/vocab.bpe"),
            files.resolve("hf-Meta-Llama-3-8B-Instruct/tokenizer_config.json"),
            "\\p{N}{1,3}");
    ((ObjectNode) json.path("model")).put("ignore_merges", true);
    assertReproduces("llama-bpe", written(json));
  }

  @Test
  void qwen2() throws IOException {
    Path files = TestData.path("tokenizers/qwen2");
    ObjectNode json =
        byteLevel(
            files.resolve("vocab.json"),
            files.resolve("merges.txt"),
            files.resolve("tokenizer_config.json"),
            "\\p{N}");
    json.putObject("normalizer").put("type", "NFC");
    assertReproduces("qwen2", written(json));
  }

  /** There are no ids for it; what it splits it can put together. */
  @Test
  void mistralComesBackWhole() throws IOException {
    try (Tokenizer tokenizer = FastTokenizer.open(published("mistral-7b-v0.1"))) {
      for (String text : texts("llama-spm")) {
        // The first space is the tokenizer's own.
        assertThat(tokenizer.decode(tokenizer.encode("x" + text))).isEqualTo("x" + text);
      }
      assertThat(tokenizer.encodeText("Hello")).containsExactly(1, 22557);
      assertThat(tokenizer.encode("Hello")).containsExactly(22557);
    }
  }

  private static Path published(String model) {
    return TestData.path("tokenizers/" + model + "/tokenizer.json");
  }

  private Path written(JsonNode json) throws IOException {
    return Files.write(folder.resolve("tokenizer.json"), JSON.writeValueAsBytes(json));
  }

  /**
   * Byte-level BPE over the pattern of cl100k, of which {@code digits} is what models differ in.
   */
  private static ObjectNode byteLevel(
      Path vocabulary, Path merges, Path configuration, String digits) throws IOException {
    String pattern =
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
            + digits
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    ObjectNode json = JSON.createObjectNode().put("version", "1.0");
    ArrayNode added = json.putArray("added_tokens");
    for (Map.Entry<String, JsonNode> token :
        JSON.readTree(configuration.toFile()).path("added_tokens_decoder").properties()) {
      added.add(
          ((ObjectNode) token.getValue().deepCopy()).put("id", Integer.parseInt(token.getKey())));
    }
    ObjectNode preTokenizer = json.putObject("pre_tokenizer").put("type", "Sequence");
    ArrayNode steps = preTokenizer.putArray("pretokenizers");
    ObjectNode split = steps.addObject().put("type", "Split").put("behavior", "Isolated");
    split.put("invert", false).putObject("pattern").put("Regex", pattern);
    byteLevel(steps.addObject()).put("use_regex", false);
    byteLevel(json.putObject("decoder"));
    ObjectNode model = json.putObject("model").put("type", "BPE");
    model.set("vocab", JSON.readTree(vocabulary.toFile()));
    ArrayNode pairs = model.putArray("merges");
    for (String line : Files.readAllLines(merges)) {
      if (!line.startsWith("#version") && !line.isEmpty()) {
        String[] pair = line.split(" ", -1);
        pairs.addArray().add(pair[0]).add(pair[1]);
      }
    }
    return json;
  }

  private static ObjectNode byteLevel(ObjectNode node) {
    return node.put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", false);
  }

  private static void assertReproduces(String vectors, Path tokenizerJson) throws IOException {
    List<String> texts = texts(vectors);
    List<String> ids =
        Files.readString(vectors(vectors, "out")).lines().map(String::strip).toList();
    assertThat(texts).hasSize(46).hasSameSizeAs(ids);
    try (Tokenizer tokenizer = FastTokenizer.open(tokenizerJson)) {
      for (int i = 0; i < texts.size(); i++) {
        int[] expected =
            Arrays.stream(ids.get(i).split(" "))
                .filter(id -> !id.isEmpty())
                .mapToInt(Integer::parseInt)
                .toArray();
        assertThat(tokenizer.encode(texts.get(i)))
            .as("%s, text %d: %s", vectors, i, texts.get(i))
            .containsExactly(expected);
      }
    }
  }

  private static List<String> texts(String vectors) throws IOException {
    String all = Files.readString(vectors(vectors, "inp"), StandardCharsets.UTF_8);
    List<String> texts = new ArrayList<>();
    int from = 0;
    for (int at = all.indexOf(SEPARATOR); at >= 0; at = all.indexOf(SEPARATOR, from)) {
      texts.add(all.substring(from, at));
      from = at + SEPARATOR.length();
    }
    return texts;
  }

  private static Path vectors(String name, String kind) {
    return TestData.path("tokenizers/vectors/ggml-vocab-" + name + ".gguf." + kind);
  }
}
