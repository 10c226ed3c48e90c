package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class EncoderModelTest {
  @TempDir Path folder;

  @BeforeEach
  void aFolder() throws IOException {
    Path fixture = Path.of("src/test/resources/polyphony/encoders/t5-relu");
    for (String file : new String[] {"config.json", "tokenizer.json", "model.safetensors"}) {
      Files.copy(fixture.resolve(file), folder.resolve(file));
    }
  }

  @Test
  void theEncoderOfAWholeModelIsReadAndItsDecoderIsNot() {
    EncoderModel whole =
        EncoderModel.open(Path.of("src/test/resources/polyphony/encoders/t5-gated"));
    assertThat(whole.config())
        .isEqualTo(new EncoderConfig(64, 18, 3, 2, 8, 28, true, 32, 128, 1e-6));
    assertThat(whole.weights().tensors().keySet()).anyMatch(name -> name.startsWith("decoder."));
    assertThat(whole.config().weightShapes().keySet())
        .noneMatch(name -> name.startsWith("decoder."));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"relu\" | \"gated-silu\" | feed_forward_proj is \"gated-silu\"; only relu and gated-gelu",
        "T5EncoderModel | BertModel | architecture \"BertModel\" is not an encoder that is supported",
        "\"d_kv\": 5 | \"d_kv\": 0 | d_kv is 0; a whole number from 1",
        "\"d_kv\": 5 | \"d_kv\": 4 | has shape [15, 24], config.json implies [12, 24]",
        "\"num_layers\": 2 | \"num_layers\": 3 | no tensor encoder.block.2.layer.0",
        "\"relative_attention_num_buckets\": 10 | \"relative_attention_num_buckets\": 9 | is 9; an even number",
        "\"layer_norm_epsilon\": 1e-06 | \"layer_norm_epsilon\": 0 | layer_norm_epsilon is 0",
        "\"vocab_size\": 64 | \"vocab_size\": 9 | has shape [64, 24]",
      })
  void whatIsNotSupportedIsRefusedByName(String from, String to, String message)
      throws IOException {
    Path file = folder.resolve("config.json");
    String config = Files.readString(file);
    assertThat(config).contains(from);
    Files.writeString(file, config.replace(from, to));
    assertThatThrownBy(() -> EncoderModel.open(folder))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining(message);
  }

  @Test
  void aFileThatIsMissingIsNamed() throws IOException {
    Files.delete(folder.resolve("model.safetensors"));
    assertThatThrownBy(() -> EncoderModel.open(folder)).hasMessageContaining("model.safetensors");
  }

  /** Values of transformers' {@code T5Attention._relative_position_bucket}. */
  @Test
  void bucketsWidenWithDistanceAndTellDirections() {
    EncoderConfig config = new EncoderConfig(64, 18, 3, 2, 8, 28, true, 32, 128, 1e-6);
    int[] places = {-200, -128, -64, -32, -16, -9, -8, -7, -1, 0, 1, 7, 8, 15, 16, 63, 64, 127};
    assertThat(IntStream.of(places).map(config::bucket).toArray()).containsExactly(EXPECTED);
  }

  private static final int[] EXPECTED = {
    15, 15, 14, 12, 10, 8, 8, 7, 1, 0, 17, 23, 24, 25, 26, 29, 30, 31
  };
}
