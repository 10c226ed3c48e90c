package polyphony.activities.lm;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
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
    TokenizerFile checked = TokenizerFile.read(tokenizerJson);
    stayLocal();
    try {
      return new FastTokenizer(
          tokenizerJson,
          HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(checked.bytes()), PLAIN),
          checked.vocabularySize());
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
    return TokenizerFile.read(tokenizerJson).vocabularySize();
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
      // The library drops what it does not know, which would hide a sampler's mistake.
      if (token < 0) {
        throw PolyphonyException.data(file + ": " + token + " is not a token id");
      }
    }
    return library.decode(
        Arrays.stream(tokens).filter(token -> token < vocabularySize).asLongStream().toArray(),
        true);
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
