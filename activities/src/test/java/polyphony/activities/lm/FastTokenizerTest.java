package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class FastTokenizerTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void write() {
    TinyModels.untied(folder);
    file = folder.resolve("tokenizer.json");
  }

  @Test
  void everyCharacterIsOneTokenAndComesBack() {
    try (Tokenizer tokenizer = FastTokenizer.open(file)) {
      assertThat(tokenizer.vocabularySize()).isEqualTo(26);
      assertThat(tokenizer.encode("^0\n$_")).containsExactly(1, 3, 25, 2, 0);
      for (int i = 0; i < CompactDialect.ALPHABET.length(); i++) {
        String character = CompactDialect.ALPHABET.substring(i, i + 1);
        assertThat(tokenizer.encode(character)).containsExactly(3 + i);
        assertThat(tokenizer.decode(new int[] {3 + i})).isEqualTo(character);
      }
    }
  }

  @Test
  void longRandomTextsComeBackWhole() {
    SplittableRandom random = new SplittableRandom(5);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 5000; i++) {
      text.append(CompactDialect.ALPHABET.charAt(random.nextInt(CompactDialect.ALPHABET.length())));
    }
    try (Tokenizer tokenizer = FastTokenizer.open(file)) {
      int[] tokens = tokenizer.encode(text.toString());
      assertThat(tokens).hasSize(5000);
      assertThat(tokenizer.decode(tokens)).isEqualTo(text.toString());
    }
  }

  @Test
  void specialTokensAreLeftOutOfTexts() {
    try (Tokenizer tokenizer = FastTokenizer.open(file)) {
      assertThat(tokenizer.decode(tokenizer.encode("^Q1\nA2$\n_"))).isEqualTo("Q1\nA2\n");
      assertThat(tokenizer.encode("")).isEmpty();
      assertThat(tokenizer.decode(new int[0])).isEmpty();
    }
  }

  @Test
  void aCharacterOutsideTheAlphabetIsRefused() {
    try (Tokenizer tokenizer = FastTokenizer.open(file)) {
      assertThatThrownBy(() -> tokenizer.encode("Q1x2"))
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
          .hasMessageContaining("does not know");
      assertThat(tokenizer.encode("Q1")).hasSize(2);
    }
  }

  @Test
  void idsThatOnlyTheEmbeddingHasAreLeftOutOfATextAndWhatIsNoIdIsRefused() {
    try (Tokenizer tokenizer = FastTokenizer.open(file)) {
      int[] tokens = tokenizer.encode("Q1");
      assertThat(tokenizer.decode(new int[] {tokens[0], 26, tokens[1], Integer.MAX_VALUE}))
          .isEqualTo("Q1");
      assertThat(tokenizer.decode(new int[] {26})).isEmpty();
      assertThatThrownBy(() -> tokenizer.decode(new int[] {-1}))
          .isInstanceOf(PolyphonyException.class)
          .hasMessageContaining("-1");
    }
  }

  @Test
  void theFilesOwnTruncationPaddingAndSpecialTokensAreLeftOut() throws IOException {
    Files.writeString(
        file,
        Files.readString(file)
            .replaceFirst(
                "\"truncation\" : null",
                "\"truncation\":{\"max_length\":4,\"strategy\":\"LongestFirst\",\"stride\":0,"
                    + "\"direction\":\"Right\"}")
            .replaceFirst(
                "\"padding\" : null",
                "\"padding\":{\"strategy\":{\"Fixed\":9},\"direction\":\"Right\","
                    + "\"pad_to_multiple_of\":null,\"pad_id\":0,\"pad_type_id\":0,"
                    + "\"pad_token\":\"_\"}")
            .replaceFirst(
                "\"post_processor\" : null",
                "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":["
                    + "{\"SpecialToken\":{\"id\":\"^\",\"type_id\":0}},"
                    + "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],"
                    + "\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                    + "{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],"
                    + "\"special_tokens\":{\"^\":{\"id\":\"^\",\"ids\":[1],\"tokens\":[\"^\"]}}}"));
    try (Tokenizer tokenizer = FastTokenizer.open(file)) {
      assertThat(tokenizer.encode("01234567890")).hasSize(11);
      assertThat(tokenizer.encode("12")).containsExactly(4, 5);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{}",
        "[]",
        "7",
        "{\"model\": {}}",
        "{\"model\": {\"vocab\": {\"a\": -1}}}",
        "{\"model\": {\"vocab\": {\"a\": 99999999}}}",
        "{\"model\": {\"vocab\": {\"a\": \"0\"}}}",
        "{\"model\": {\"vocab\": {\"a\": 0}}}",
        "{\"version\":\"1.0\",\"model\": {\"type\":\"WordPiece\",\"vocab\": {\"a\": 0}}}",
        "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":0}],\"model\": {\"type\":\"BPE\","
            + "\"vocab\": {\"a\": 0}}}",
      })
  void aFileThatIsNotATokenizerIsRefused(String json) throws IOException {
    Files.writeString(file, json);
    assertRefused();
  }

  @Test
  void aDamagedFileIsOpenedOrRefusedButNeverAnythingElse() throws IOException {
    byte[] whole = Files.readAllBytes(file);
    SplittableRandom random = new SplittableRandom(2);
    for (int round = 0; round < 500; round++) {
      byte[] damaged = whole.clone();
      for (int i = 0; i < 1 + round % 3; i++) {
        damaged[random.nextInt(damaged.length)] = (byte) (' ' + random.nextInt(95));
      }
      Files.write(file, damaged);
      try (Tokenizer tokenizer = FastTokenizer.open(file)) {
        assertThat(tokenizer.encode("").length).isZero();
      } catch (PolyphonyException e) {
        assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA);
        assertThat(e.getMessage()).doesNotContain("\n");
      }
    }
  }

  private void assertRefused() {
    assertThatThrownBy(() -> FastTokenizer.open(file))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining("tokenizer.json")
        .hasMessageNotContaining("\n");
  }
}
