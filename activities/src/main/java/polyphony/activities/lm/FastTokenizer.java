package polyphony.activities.lm;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * A {@code tokenizer.json} run by the Hugging Face tokenizers library. Nothing is added, truncated
 * or padded: the chat template writes the special tokens.
 */
public final class FastTokenizer implements Tokenizer {
  private static final long MAX_BYTES = 256L << 20;
  private static final int MAX_TOKENS = 1 << 24;
  private static final Map<String, String> PLAIN =
      Map.of(
          "addSpecialTokens", "false",
          "truncation", "do_not_truncate",
          "padding", "do_not_pad");

  private final Path file;
  private final HuggingFaceTokenizer library;
  private final int vocabularySize;

  private FastTokenizer(Path file, HuggingFaceTokenizer library, int vocabularySize) {
    this.file = file;
    this.library = library;
    this.vocabularySize = vocabularySize;
  }

  /**
   * Opens a {@code tokenizer.json}.
   *
   * @throws PolyphonyException DATA where the file is too large or not a tokenizer
   */
  public static FastTokenizer open(Path tokenizerJson) {
    byte[] bytes = read(tokenizerJson);
    int vocabularySize = vocabularySize(tokenizerJson, bytes);
    stayLocal();
    try {
      return new FastTokenizer(
          tokenizerJson,
          HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(bytes), PLAIN),
          vocabularySize);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure("tokenizer library cannot be used", e);
    } catch (EngineException e) {
      throw PolyphonyException.infrastructure(
          "tokenizer library cannot be loaded; is this platform supported by DJL?", e);
    } catch (RuntimeException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          tokenizerJson
              + ": not understood by the tokenizers library ("
              + oneLine(e.getMessage())
              + "); copy the model folder again",
          e);
    }
  }

  /**
   * The number of ids in a {@code tokenizer.json}, without loading the native library.
   *
   * @throws PolyphonyException DATA where the file is too large or not a tokenizer
   */
  static int vocabularySize(Path tokenizerJson) {
    return vocabularySize(tokenizerJson, read(tokenizerJson));
  }

  private static byte[] read(Path file) {
    try {
      long size = Files.size(file);
      if (size > MAX_BYTES) {
        throw PolyphonyException.data(
            file + ": larger than " + (MAX_BYTES >> 20) + " MiB, not a tokenizer");
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, file + ": cannot be read; copy the model folder again", e);
    }
  }

  private static int vocabularySize(Path file, byte[] bytes) {
    JsonNode json;
    try {
      json = new ObjectMapper().readTree(bytes);
    } catch (JacksonException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, file + ": not JSON, perhaps cut off; copy the model folder again", e);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(file + ": cannot be read", e);
    }
    JsonNode vocabulary = json.path("model").path("vocab");
    long greatest = vocabulary.isArray() ? vocabulary.size() - 1 : -1;
    if (vocabulary.isObject()) {
      for (JsonNode id : vocabulary) {
        greatest = Math.max(greatest, id(file, id));
      }
    }
    for (JsonNode added : json.path("added_tokens")) {
      greatest = Math.max(greatest, id(file, added.path("id")));
    }
    if (greatest < 0) {
      throw PolyphonyException.data(
          file + ": has no model.vocab; a tokenizers-library file is needed");
    }
    return Math.toIntExact(greatest + 1);
  }

  private static int id(Path file, JsonNode id) {
    if (!id.isInt() || id.asInt() < 0 || id.asInt() >= MAX_TOKENS) {
      throw PolyphonyException.data(file + ": token id " + id + " is not below " + MAX_TOKENS);
    }
    return id.asInt();
  }

  /**
   * DJL would otherwise look for a CUDA build of the tokenizer to download, and report its use. An
   * operator's own settings win.
   */
  private static void stayLocal() {
    for (Map.Entry<String, String> setting :
        Map.of("RUST_FLAVOR", "cpu", "OPT_OUT_TRACKING", "true").entrySet()) {
      if (System.getenv(setting.getKey()) == null) {
        System.getProperties().putIfAbsent(setting.getKey(), setting.getValue());
      }
    }
  }

  @Override
  public int[] encode(String text) {
    return encode(text, false);
  }

  @Override
  public int[] encodeText(String text) {
    return encode(text, true);
  }

  private int[] encode(String text, boolean specialTokens) {
    try {
      return Arrays.stream(library.encode(text, specialTokens, false).getIds())
          .mapToInt(Math::toIntExact)
          .toArray();
    } catch (RuntimeException e) {
      throw new PolyphonyException(
          ErrorClass.CONFIG,
          file
              + ": a text of "
              + text.length()
              + " characters holds one that the tokenizer does not know ("
              + oneLine(e.getMessage())
              + "); questions or prompts in such characters need another model",
          e);
    }
  }

  @Override
  public String decode(int[] tokens) {
    for (int token : tokens) {
      // The library drops ids that it does not know, which would hide a sampler's mistake.
      if (token < 0 || token >= vocabularySize) {
        throw PolyphonyException.data(
            file + ": token id " + token + " is not below its vocabulary size " + vocabularySize);
      }
    }
    return library.decode(Arrays.stream(tokens).asLongStream().toArray(), true);
  }

  @Override
  public int vocabularySize() {
    return vocabularySize;
  }

  private static String oneLine(String message) {
    return message == null ? "no reason given" : message.lines().findFirst().orElse("");
  }

  @Override
  public void close() {
    library.close();
  }
}
