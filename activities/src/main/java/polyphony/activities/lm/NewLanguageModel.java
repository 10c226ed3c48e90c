package polyphony.activities.lm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import polyphony.storage.PolyphonyException;

/**
 * Makes a fresh, untrained language model as a Hugging Face folder: one token per character, seeded
 * Gaussian weights. The folder opens here and in transformers alike.
 */
public final class NewLanguageModel {
  /**
   * The three markers that are tokens but not text.
   *
   * @param beginning starts a conversation; id 1
   * @param endOfTurn ends an assistant's turn; id 2
   * @param padding fills a batch; id 0
   */
  public record SpecialTokens(String beginning, String endOfTurn, String padding) {
    List<String> inOrderOfId() {
      return List.of(padding, beginning, endOfTurn);
    }
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  private NewLanguageModel() {}

  /** How many token ids a model over {@code alphabet} has. */
  public static int vocabularySize(String alphabet) {
    return vocabulary(alphabet, new SpecialTokens("\1", "\2", "\0")).size();
  }

  /** An alphabet of so many letters, for a model whose texts nobody reads. */
  public static String letters(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> Character.toString(0x100 + i))
        .collect(Collectors.joining());
  }

  /**
   * Writes the model into {@code folder}, which is created where it is absent. Equal arguments give
   * equal bytes, on every machine.
   *
   * @param alphabet every character that the model can read and write, each once; a newline is one
   *     like any other. Their ids follow the special tokens', in this order.
   * @param chatTemplate Jinja, as in {@code tokenizer_config.json}
   * @param initializerStandardDeviation of every matrix; the projections that write to the residual
   *     stream are scaled by {@code 1 / sqrt(2 layers)} (GPT-2, section 2.3), norms start at 1
   * @throws PolyphonyException CONFIG where the vocabulary and {@code config} disagree
   */
  public static void write(
      Path folder,
      DecoderConfig config,
      String alphabet,
      SpecialTokens specialTokens,
      String chatTemplate,
      long seed,
      float initializerStandardDeviation) {
    if (!config.plain()) {
      throw new IllegalArgumentException("a new model is a Llama without variations");
    }
    Map<String, Integer> vocabulary = vocabulary(alphabet, specialTokens);
    if (vocabulary.size() != config.vocabularySize()) {
      throw PolyphonyException.config(
          "the alphabet and the special tokens make "
              + vocabulary.size()
              + " tokens, but vocabularySize is "
              + config.vocabularySize()
              + "; set it to "
              + vocabulary.size());
    }
    try {
      Files.createDirectories(folder);
      write(folder, "config.json", config(config, vocabulary, specialTokens));
      write(folder, "generation_config.json", generationConfig(vocabulary, specialTokens));
      write(folder, "tokenizer.json", tokenizer(vocabulary, specialTokens));
      write(folder, "tokenizer_config.json", tokenizerConfig(config, specialTokens, chatTemplate));
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          folder + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
    Map<String, FloatBuffer> weights = new LinkedHashMap<>();
    // java.util.Random, since its algorithm, nextGaussian included, is part of its specification.
    Random random = new Random(seed);
    config
        .weightShapes()
        .forEach(
            (name, shape) ->
                weights.put(
                    name,
                    FloatBuffer.wrap(
                        initial(name, shape, config, random, initializerStandardDeviation))));
    Weights.write(
        folder.resolve("model.safetensors"),
        weights,
        config.weightShapes(),
        Map.of("format", "pt"));
  }

  private static float[] initial(
      String name, long[] shape, DecoderConfig config, Random random, double deviation) {
    float[] values =
        new float[Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact))];
    if (shape.length == 1) {
      Arrays.fill(values, 1);
      return values;
    }
    boolean writesToResidual = name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight");
    double scale = writesToResidual ? deviation / Math.sqrt(2.0 * config.layers()) : deviation;
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    return values;
  }

  private static Map<String, Integer> vocabulary(String alphabet, SpecialTokens specialTokens) {
    Set<String> tokens = new LinkedHashSet<>(specialTokens.inOrderOfId());
    alphabet.codePoints().forEach(character -> tokens.add(Character.toString(character)));
    if (tokens.size() != 3 + alphabet.codePoints().count()) {
      throw PolyphonyException.config(
          "a character of the alphabet or a special token appears twice; name each once");
    }
    Map<String, Integer> ids = new LinkedHashMap<>();
    tokens.forEach(token -> ids.put(token, ids.size()));
    return ids;
  }

  private static JsonNode config(
      DecoderConfig config, Map<String, Integer> vocabulary, SpecialTokens specialTokens) {
    ObjectNode json = JSON.createObjectNode();
    json.putArray("architectures").add("LlamaForCausalLM");
    json.put("model_type", "llama");
    json.put("vocab_size", config.vocabularySize());
    json.put("hidden_size", config.hiddenSize());
    json.put("intermediate_size", config.intermediateSize());
    json.put("num_hidden_layers", config.layers());
    json.put("num_attention_heads", config.heads());
    json.put("num_key_value_heads", config.keyValueHeads());
    json.put("head_dim", config.headSize());
    json.put("hidden_act", "silu");
    json.put("max_position_embeddings", config.maxPositions());
    json.put("rms_norm_eps", config.normEpsilon());
    json.put("rope_theta", config.rotary().theta());
    json.putNull("rope_scaling");
    json.put("attention_bias", false);
    json.put("attention_dropout", 0.0);
    json.put("mlp_bias", false);
    json.put("pretraining_tp", 1);
    json.put("tie_word_embeddings", config.tiedEmbeddings());
    json.put("torch_dtype", "float32");
    json.put("use_cache", true);
    json.put("bos_token_id", vocabulary.get(specialTokens.beginning()));
    json.put("eos_token_id", vocabulary.get(specialTokens.endOfTurn()));
    json.put("pad_token_id", vocabulary.get(specialTokens.padding()));
    return json;
  }

  private static JsonNode generationConfig(
      Map<String, Integer> vocabulary, SpecialTokens specialTokens) {
    ObjectNode json = JSON.createObjectNode();
    json.put("bos_token_id", vocabulary.get(specialTokens.beginning()));
    json.put("eos_token_id", vocabulary.get(specialTokens.endOfTurn()));
    json.put("pad_token_id", vocabulary.get(specialTokens.padding()));
    json.put("do_sample", true);
    return json;
  }

  /**
   * The format of the Hugging Face tokenizers library. WordLevel over single characters rather than
   * BPE without merges, since BPE silently drops a character that it does not know, where WordLevel
   * without an unknown token refuses it.
   */
  private static JsonNode tokenizer(Map<String, Integer> vocabulary, SpecialTokens specialTokens) {
    ObjectNode json = JSON.createObjectNode();
    json.put("version", "1.0");
    json.putNull("truncation");
    json.putNull("padding");
    ArrayNode added = json.putArray("added_tokens");
    for (String token : specialTokens.inOrderOfId()) {
      ObjectNode entry = added.addObject();
      entry.put("id", vocabulary.get(token));
      entry.setAll(addedToken(token));
    }
    json.putNull("normalizer");
    ObjectNode split = json.putObject("pre_tokenizer");
    split.put("type", "Split");
    split.putObject("pattern").put("Regex", "[\\s\\S]");
    split.put("behavior", "Isolated");
    split.put("invert", false);
    json.putNull("post_processor");
    json.putObject("decoder").put("type", "Fuse");
    ObjectNode model = json.putObject("model");
    model.put("type", "WordLevel");
    ObjectNode ids = model.putObject("vocab");
    vocabulary.forEach(ids::put);
    model.put("unk_token", "<unk>");
    return json;
  }

  private static ObjectNode addedToken(String token) {
    ObjectNode json = JSON.createObjectNode();
    json.put("content", token);
    json.put("single_word", false);
    json.put("lstrip", false);
    json.put("rstrip", false);
    json.put("normalized", false);
    json.put("special", true);
    return json;
  }

  private static JsonNode tokenizerConfig(
      DecoderConfig config, SpecialTokens specialTokens, String chatTemplate) {
    ObjectNode json = JSON.createObjectNode();
    json.put("tokenizer_class", "PreTrainedTokenizerFast");
    json.put("bos_token", specialTokens.beginning());
    json.put("eos_token", specialTokens.endOfTurn());
    json.put("pad_token", specialTokens.padding());
    json.put("model_max_length", config.maxPositions());
    json.put("clean_up_tokenization_spaces", false);
    ObjectNode decoder = json.putObject("added_tokens_decoder");
    List<String> tokens = specialTokens.inOrderOfId();
    for (int id = 0; id < tokens.size(); id++) {
      decoder.set(Integer.toString(id), addedToken(tokens.get(id)));
    }
    json.put("chat_template", chatTemplate);
    return json;
  }

  private static void write(Path folder, String name, JsonNode json) throws IOException {
    Files.writeString(folder.resolve(name), json.toPrettyString().replace("\r\n", "\n") + "\n");
  }
}
