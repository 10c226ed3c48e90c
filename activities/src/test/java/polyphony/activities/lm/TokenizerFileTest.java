package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class TokenizerFileTest {
  private static final String MODEL =
      "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1}, \"merges\": []}";

  @TempDir private Path folder;

  /** Each of these, or a text that comes after it, ends the process in the library itself. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2},"
            + " \"merges\": [\"a b\"], \"continuing_subword_prefix\": \"####\"}",
        "\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(a+)+$\"},"
            + " \"behavior\": \"Isolated\", \"invert\": false}, "
            + MODEL,
        "\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"}, " + MODEL,
        "\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\"}, \"content\":"
            + " \"a\"}, "
            + MODEL,
        "\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"(?=a)\"}, \"content\":"
            + " \"a\"}, "
            + MODEL,
        "\"decoder\": {\"type\": \"Fuse\", \"x\": 1e999}, " + MODEL,
        "\"decoder\": {\"type\": \"Fuse\", \"x\": \"\\ud800\"}, " + MODEL,
        "\"decoder\": {\"type\": \"Fuse\", \"x\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]"
            + "]]]]]]]]]]]]]]}, "
            + MODEL,
        "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\":"
            + " {\"id\": \"x\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {}}, "
            + MODEL,
        "\"decoder\": {\"type\": \"Strip\", \"content\": \"a\", \"start\": 9, \"stop\": 9}, "
            + MODEL,
        "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Replace\","
            + " \"pattern\": {\"String\": \"a\"}, \"content\": \"aaaaaaaaaa\"}, {\"type\":"
            + " \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"aaaaaaaaaa\"}]}, "
            + MODEL,
      })
  void whatWouldEndTheProcessIsRefused(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("tokenizer.json"), "{" + content + "}");
    assertThatThrownBy(() -> FastTokenizer.open(file))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageStartingWith(file.toString());
  }

  /** Twenty million empty lists of 64 MiB are gigabytes in memory. */
  @Test
  void aFileIsNotReadWhereItsTreeWouldFillTheHeap() throws IOException {
    Path file = folder.resolve("tokenizer.json");
    Files.writeString(file, "{\"model\": [" + "[],".repeat(1 << 21) + "[]]}");
    assertThatThrownBy(() -> TokenizerFile.read(file))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessage(file + ": larger or nested deeper than any tokenizer");
  }

  @Test
  void anAddedTokenWithAnIdThatTheLibraryWouldNotGiveItIsRefused() throws IOException {
    Path file = folder.resolve("tokenizer.json");
    for (int id : new int[] {2, 3}) {
      Files.writeString(
          file, "{\"added_tokens\": [{\"id\": " + id + ", \"content\": \"c\"}], " + MODEL + "}");
      if (id == 2) {
        assertThat(TokenizerFile.read(file).vocabularySize()).isEqualTo(3);
      } else {
        assertThatThrownBy(() -> TokenizerFile.read(file)).hasMessageContaining("has id 3; 2");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[\\s\\S]",
        " {2,}",
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
            + " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{M}]*[\\p{Ll}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
            + "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}|"
            + " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
        "(?:'([sS]|[tT]))|[!\"#][A-Za-z]+"
      })
  void patternsOfPublishedModelsAreTame(String pattern) {
    assertThat(TokenizerFile.isTame(pattern)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(a+)+",
        "(a|a)*",
        "((a))+x",
        "(a){9,}",
        "a*b*c*",
        "(a*b*|x)y+",
        "(a)\\1",
        "(?<n>a)\\k<n>",
        "(?R)",
        "a)",
        "(a",
        "[a",
        "\\",
        "(?>a)",
        "a{1,999}b*c*"
      })
  void patternsThatCanTakeForeverAreNot(String pattern) {
    assertThat(TokenizerFile.isTame(pattern)).isFalse();
  }

  @Test
  void aCharacterMapLeadsNowhereElse() throws IOException {
    // One entry: byte 'A' leads to a leaf whose value is the text at 0.
    int[] trie = new int[512];
    trie[0] = 256 << 10;
    trie[256 ^ 'A'] = 'A' | 1 << 8 | 1 << 10;
    assertThat(CharacterMap.isUsable(map(trie, "b\0"))).isTrue();
    Path file =
        Files.writeString(
            folder.resolve("tokenizer.json"),
            "{\"version\": \"1.0\", \"added_tokens\": [], \"normalizer\": {\"type\": \"Precompiled\","
                + " \"precompiled_charsmap\": \""
                + Base64.getEncoder().encodeToString(map(trie, "b\0"))
                + "\"}, "
                + MODEL
                + "}");
    try (Tokenizer tokenizer = FastTokenizer.open(file)) {
      assertThat(tokenizer.encode("A")).containsExactly(1);
    }
    assertThat(CharacterMap.isUsable(map(trie, ""))).isFalse();
    assertThat(CharacterMap.isUsable(map(new int[] {256 << 10}, "b\0"))).isFalse();
    trie[256 ^ 'A'] = 'A' | 1 << 8 | 5000 << 10;
    assertThat(CharacterMap.isUsable(map(trie, "b\0"))).isFalse();
    assertThat(CharacterMap.isUsable(new byte[0])).isFalse();
  }

  private static byte[] map(int[] trie, String texts) {
    byte[] end = texts.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(4 + 4 * trie.length + end.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(4 * trie.length);
    for (int unit : trie) {
      bytes.putInt(unit);
    }
    return bytes.put(end).array();
  }
}
