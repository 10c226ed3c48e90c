package polyphony.activities.lm;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * A {@code tokenizer.json} from outside, checked before the tokenizers library sees it: the library
 * ends the whole process at what its authors did not expect. So only the parts that published
 * language models are made of go through, and of those only what cannot make it stumble, take
 * forever, or give ids that the file does not say.
 *
 * @param bytes the whole file
 * @param vocabularySize greatest id and one
 */
record TokenizerFile(byte[] bytes, int vocabularySize) {
  private static final long MAX_BYTES = 64L << 20;
  private static final int MAX_TOKENS = 1 << 24;
  private static final int MAX_NESTING = 32;

  /** Brackets, names and values: 256,000 tokens with 580,000 merges in pairs are 3 million. */
  private static final long MAX_JSON_TOKENS = 1 << 22;

  private static final int MAX_DEPTH = 4;
  private static final int MAX_PARTS = 32;

  /** How many times longer a text may get by what replaces its parts. */
  private static final long MAX_GROWTH = 64;

  private static final int MAX_PATTERN = 2000;

  /** Something of all that a pattern may look for. */
  private static final String PROBE = "Ab 1,\t2\n\nü中 _-a";

  private static final int MAX_UNBOUNDED = 2;

  /** How a group may begin; a plain one last. */
  private static final List<String> GROUPS =
      List.of("(?:", "(?i:", "(?i)", "(?=", "(?!", "(?<!", "(?<=", "(");

  private static final double MAX_SCORE = 1e6;
  private static final Set<String> NORMALIZERS =
      Set.of(
          "Lowercase",
          "NFC",
          "NFD",
          "NFKC",
          "NFKD",
          "Precompiled",
          "Prepend",
          "Replace",
          "Sequence",
          "Strip",
          "StripAccents");
  private static final Set<String> PRE_TOKENIZERS =
      Set.of(
          "ByteLevel",
          "Digits",
          "Metaspace",
          "Punctuation",
          "Sequence",
          "Split",
          "Whitespace",
          "WhitespaceSplit");
  private static final Set<String> POST_PROCESSORS =
      Set.of("ByteLevel", "Sequence", "TemplateProcessing");
  private static final Set<String> DECODERS =
      Set.of("ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Sequence", "Strip");
  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_NESTING)
                          .maxTokenCount(MAX_JSON_TOKENS)
                          .build())
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** What is wrong with a file, in words that follow its name. */
  private static final class Unusable extends Exception {
    private static final long serialVersionUID = 1L;

    Unusable(String message) {
      super(message);
    }
  }

  /**
   * Reads and checks a file.
   *
   * @throws PolyphonyException DATA where it is too large, no tokenizer or not a supported one
   */
  static TokenizerFile read(Path file) {
    byte[] bytes;
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw PolyphonyException.data(
            file + ": larger than " + (MAX_BYTES >> 20) + " MiB, not a tokenizer");
      }
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, file + ": cannot be read; copy the model folder again", e);
    }
    try {
      return new TokenizerFile(bytes, check(JSON.readTree(bytes)));
    } catch (StreamConstraintsException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, file + ": larger or nested deeper than any tokenizer", e);
    } catch (JacksonException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, file + ": not JSON, perhaps cut off; copy the model folder again", e);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(file + ": cannot be read", e);
    } catch (Unusable e) {
      throw new PolyphonyException(ErrorClass.DATA, file + ": " + e.getMessage(), e);
    }
  }

  private static int check(JsonNode json) throws Unusable {
    requireJsonOfTheLibrary(json);
    if (!json.path("model").isObject()) {
      throw new Unusable("has no model.vocab; a tokenizers-library file is needed");
    }
    requireParts(json.path("normalizer"), "normalizer", "normalizers", NORMALIZERS);
    requireParts(json.path("pre_tokenizer"), "pre_tokenizer", "pretokenizers", PRE_TOKENIZERS);
    requireParts(json.path("post_processor"), "post_processor", "processors", POST_PROCESSORS);
    requireParts(json.path("decoder"), "decoder", "decoders", DECODERS);
    JsonNode model = json.path("model");
    String type = model.path("type").asText(model.has("merges") ? "BPE" : "");
    int greatest;
    switch (type) {
      case "BPE", "WordLevel" -> {
        requireNeutral(model, "dropout");
        requireNeutral(model, "continuing_subword_prefix");
        requireNeutral(model, "end_of_word_suffix");
        greatest = withAdded(ids(model.path("vocab")), json.path("added_tokens"));
      }
      case "Unigram" -> greatest = withAdded(scored(model), json.path("added_tokens"));
      default ->
          throw new Unusable(
              "model.type is "
                  + shown(model.path("type"))
                  + "; supported: BPE, Unigram, WordLevel");
    }
    requireKnown(json.path("post_processor"), greatest);
    return greatest + 1;
  }

  /** The library's parser accepts less than ours. */
  private static void requireJsonOfTheLibrary(JsonNode node) throws Unusable {
    if (node.isNumber() && Double.isInfinite(node.asDouble())) {
      throw new Unusable("has the number " + shown(node) + ", which is too large");
    }
    if (node.isTextual()) {
      requireCharacters(node.asText());
    }
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      requireCharacters(entry.getKey());
      requireJsonOfTheLibrary(entry.getValue());
    }
    if (node.isArray()) {
      for (JsonNode each : node) {
        requireJsonOfTheLibrary(each);
      }
    }
  }

  private static void requireCharacters(String text) throws Unusable {
    // Code points leave a surrogate alone only where it has no partner.
    if (text.codePoints().anyMatch(each -> each >= 0xd800 && each <= 0xdfff)) {
      throw new Unusable("has a text with half a character");
    }
  }

  /** What is put around a text is put there by id, whatever the vocabulary says. */
  private static void requireKnown(JsonNode postProcessor, int greatest) throws Unusable {
    for (JsonNode each : postProcessor.path("processors")) {
      requireKnown(each, greatest);
    }
    Set<String> known = new HashSet<>();
    for (Map.Entry<String, JsonNode> token : postProcessor.path("special_tokens").properties()) {
      JsonNode ids = token.getValue().path("ids");
      if (!token.getValue().path("id").asText("").equals(token.getKey())
          || ids.isEmpty()
          || ids.size() != token.getValue().path("tokens").size()) {
        throw new Unusable("post_processor has a damaged special token " + shown(token.getValue()));
      }
      known.add(token.getKey());
      for (JsonNode id : ids) {
        if (id(id) > greatest) {
          throw new Unusable("post_processor puts in token id " + id + ", which no token has");
        }
      }
    }
    for (String template : List.of("single", "pair")) {
      for (JsonNode piece : postProcessor.path(template)) {
        boolean special = known.contains(piece.path("SpecialToken").path("id").asText(""));
        boolean sequence = List.of("A", "B").contains(piece.at("/Sequence/id").asText(""));
        if (piece.size() != 1 || special == sequence) {
          throw new Unusable("post_processor has a damaged piece " + shown(piece));
        }
      }
    }
  }

  private static void requireNeutral(JsonNode model, String field) throws Unusable {
    JsonNode value = model.path(field);
    boolean neutral =
        value.isMissingNode()
            || value.isNull()
            || (value.isTextual() && value.asText().isEmpty())
            || (value.isNumber() && value.asDouble() == 0);
    if (!neutral) {
      throw new Unusable("model." + field + " is " + shown(value) + ", which is not supported");
    }
  }

  /** Ids by token, each once. */
  private static Map<String, Integer> ids(JsonNode vocabulary) throws Unusable {
    if (!vocabulary.isObject() || vocabulary.isEmpty()) {
      throw new Unusable("has no model.vocab; a tokenizers-library file is needed");
    }
    Map<String, Integer> ids = new HashMap<>();
    BitSet taken = new BitSet();
    for (Map.Entry<String, JsonNode> entry : vocabulary.properties()) {
      int id = id(entry.getValue());
      if (taken.get(id)) {
        throw new Unusable("token id " + id + " stands for two tokens");
      }
      taken.set(id);
      ids.put(entry.getKey(), id);
    }
    return ids;
  }

  private static Map<String, Integer> scored(JsonNode model) throws Unusable {
    JsonNode vocabulary = model.path("vocab");
    Map<String, Integer> ids = new HashMap<>();
    for (JsonNode entry : vocabulary) {
      JsonNode score = entry.path(1);
      if (!entry.isArray()
          || entry.size() != 2
          || !entry.path(0).isTextual()
          || !score.isNumber()
          || !(Math.abs(score.asDouble()) <= MAX_SCORE)) {
        throw new Unusable("model.vocab has " + shown(entry) + ", not a token and its score");
      }
      ids.putIfAbsent(entry.path(0).asText(), ids.size());
    }
    if (ids.isEmpty() || ids.size() != vocabulary.size() || ids.size() > MAX_TOKENS) {
      throw new Unusable("has no model.vocab of different tokens");
    }
    JsonNode unknown = model.path("unk_id");
    if (!unknown.isMissingNode()
        && !unknown.isNull()
        && (!unknown.isInt() || unknown.asInt() < 0 || unknown.asInt() >= ids.size())) {
      throw new Unusable("model.unk_id is " + shown(unknown) + ", not the id of a token");
    }
    return ids;
  }

  private static int id(JsonNode id) throws Unusable {
    if (!id.isInt() || id.asInt() < 0 || id.asInt() >= MAX_TOKENS) {
      throw new Unusable("token id " + shown(id) + " is not below " + MAX_TOKENS);
    }
    return id.asInt();
  }

  /** The greatest id. The library numbers added tokens itself, whatever the file says. */
  private static int withAdded(Map<String, Integer> vocabulary, JsonNode added) throws Unusable {
    int greatest = vocabulary.values().stream().mapToInt(Integer::intValue).max().orElse(-1);
    int greatestAdded = -1;
    Set<String> seen = new HashSet<>();
    for (JsonNode token : added) {
      String content = token.path("content").asText("");
      if (!token.path("content").isTextual() || content.isEmpty() || !seen.add(content)) {
        throw new Unusable(
            "added_tokens has "
                + shown(token.path("content"))
                + ", which is no text or there twice");
      }
      int id = id(token.path("id"));
      int next = Math.max(vocabulary.size(), greatestAdded + 1);
      int expected = vocabulary.getOrDefault(content, next);
      if (id != expected) {
        throw new Unusable(
            "added token "
                + shown(token.path("content"))
                + " has id "
                + id
                + "; "
                + expected
                + " would follow from the vocabulary and the tokens before it");
      }
      greatestAdded = Math.max(greatestAdded, id);
    }
    return Math.max(greatest, greatestAdded);
  }

  private static void requireParts(JsonNode part, String where, String list, Set<String> allowed)
      throws Unusable {
    new Parts(where, list, allowed).check(part, 0);
  }

  /** One of the four pipelines that a text goes through, and what is known of it so far. */
  private static final class Parts {
    private final String where;
    private final String list;
    private final Set<String> allowed;
    private int count;
    private long growth = 1;

    Parts(String where, String list, Set<String> allowed) {
      this.where = where;
      this.list = list;
      this.allowed = allowed;
    }

    void check(JsonNode part, int depth) throws Unusable {
      if (part.isMissingNode() || part.isNull()) {
        return;
      }
      String type = part.path("type").asText("");
      if (!part.isObject() || !allowed.contains(type)) {
        throw new Unusable(
            where
                + " "
                + shown(part.path("type"))
                + " is not supported; supported: "
                + String.join(", ", allowed.stream().sorted().toList()));
      }
      if (++count > MAX_PARTS || depth > MAX_DEPTH) {
        throw new Unusable(where + " has too many parts");
      }
      switch (type) {
        case "Sequence" -> {
          for (JsonNode each : part.path(list)) {
            check(each, depth + 1);
          }
        }
        case "Split" -> requirePattern(part.path("pattern"));
        case "Replace" -> {
          requirePattern(part.path("pattern"));
          requireSomethingToReplace(part.path("pattern").path("Regex"));
          grow(part.path("content"));
        }
        case "Prepend" -> grow(part.path("prepend"));
        case "Strip" -> {
          // Of a shorter token the library would cut off more than there is.
          if (where.equals("decoder") && part.path("stop").asInt(-1) != 0) {
            throw new Unusable("decoder Strip with a stop other than 0 is not supported");
          }
        }
        case "Precompiled" -> {
          try {
            if (!CharacterMap.isUsable(part.path("precompiled_charsmap").binaryValue())) {
              throw new Unusable("normalizer Precompiled has a damaged precompiled_charsmap");
            }
          } catch (IOException e) {
            throw new Unusable("normalizer Precompiled has no precompiled_charsmap in base 64");
          }
        }
        default -> {
          // Nothing in it can do harm.
        }
      }
    }

    private void grow(JsonNode content) throws Unusable {
      growth = Math.max(1, growth * Math.max(1, content.asText("").length()));
      if (growth > MAX_GROWTH) {
        throw new Unusable(where + " makes texts more than " + MAX_GROWTH + " times as long");
      }
    }

    /** What is put where nothing was makes the library lose count of the text's characters. */
    private void requireSomethingToReplace(JsonNode expression) throws Unusable {
      if (expression.isMissingNode()) {
        return;
      }
      for (String text : List.of("", PROBE)) {
        Matcher matcher = pattern(expression).matcher(text);
        while (matcher.find()) {
          if (matcher.end() == matcher.start()) {
            throw new Unusable(
                where + " Replace has a pattern that fits no text at all: " + shown(expression));
          }
        }
      }
    }

    private Pattern pattern(JsonNode expression) throws Unusable {
      try {
        return Pattern.compile(expression.asText(""));
      } catch (PatternSyntaxException e) {
        throw new Unusable(
            where + " Replace has a pattern that is not supported: " + shown(expression));
      }
    }

    private void requirePattern(JsonNode pattern) throws Unusable {
      JsonNode expression = pattern.path("Regex");
      if (expression.isMissingNode()) {
        return;
      }
      if (expression.asText("").length() > MAX_PATTERN || !isTame(expression.asText(""))) {
        throw new Unusable(
            where
                + " has a pattern that can take forever: "
                + shown(expression)
                + "; repeated groups, more than two unbounded repetitions in a row and references"
                + " to groups are not supported");
      }
    }
  }

  /**
   * Whether a regular expression's backtracking stays within what the library endures: no group is
   * repeated, an alternative has at most two unbounded repetitions, and nothing refers to a group.
   */
  static boolean isTame(String pattern) {
    int[] unbounded = new int[pattern.length() + 2];
    int[] most = new int[pattern.length() + 2];
    int depth = 0;
    int quantifier = -2;
    for (int i = 0; i < pattern.length(); i++) {
      switch (pattern.charAt(i)) {
        case '\\' -> {
          i++;
          if (i == pattern.length() || "123456789gkKXRG".indexOf(pattern.charAt(i)) >= 0) {
            return false;
          }
        }
        case '[' -> {
          i = endOfClass(pattern, i);
          if (i < 0) {
            return false;
          }
        }
        case '(' -> {
          int from = i;
          String start =
              GROUPS.stream().filter(each -> pattern.startsWith(each, from)).findFirst().orElse("");
          if (start.isEmpty() || (start.equals("(") && pattern.startsWith("?", i + 1))) {
            return false;
          }
          i += start.length() - 1;
          if (!start.endsWith(")")) {
            depth++;
            unbounded[depth] = 0;
            most[depth] = 0;
          }
        }
        case ')' -> {
          if (depth == 0
              || (i + 1 < pattern.length() && "*+{".indexOf(pattern.charAt(i + 1)) >= 0)) {
            return false;
          }
          unbounded[depth - 1] += Math.max(most[depth], unbounded[depth]);
          depth--;
        }
        case '|' -> {
          most[depth] = Math.max(most[depth], unbounded[depth]);
          unbounded[depth] = 0;
        }
        case '?' -> quantifier = i;
        case '*', '+' -> {
          // A + after another one gives nothing back, which is harmless.
          if (pattern.charAt(i) == '*' || quantifier != i - 1) {
            unbounded[depth]++;
            quantifier = i;
          }
        }
        case '{' -> unbounded[depth] += isBounded(pattern, i) ? 0 : 1;
        default -> {
          // One character.
        }
      }
      if (unbounded[depth] > MAX_UNBOUNDED) {
        return false;
      }
    }
    return depth == 0;
  }

  private static boolean isBounded(String pattern, int brace) {
    int end = pattern.indexOf('}', brace);
    return end > 0 && pattern.substring(brace, end).matches("\\{(\\d{1,2},)?\\d{1,2}");
  }

  private static int endOfClass(String pattern, int from) {
    int depth = 0;
    for (int i = from; i < pattern.length(); i++) {
      switch (pattern.charAt(i)) {
        case '\\' -> i++;
        case '[' -> depth++;
        case ']' -> {
          if (--depth == 0) {
            return i;
          }
        }
        default -> {
          // One of its characters.
        }
      }
    }
    return -1;
  }

  private static String shown(JsonNode value) {
    String text = value.isMissingNode() ? "missing" : value.toString();
    return text.length() <= 80 ? text : text.substring(0, 80) + "…";
  }
}
