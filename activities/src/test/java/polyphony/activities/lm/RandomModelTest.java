package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class RandomModelTest {
  @TempDir private Path folder;

  private static ObjectNode config() throws JsonProcessingException {
    return new ObjectMapper()
        .readValue(
            """
            {"architectures": ["Qwen2ForCausalLM"], "vocab_size": 300, "hidden_size": 64,
             "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 4,
             "num_key_value_heads": 2, "max_position_embeddings": 64}
            """,
            ObjectNode.class);
  }

  @Test
  void matricesAreAsWideAsTheirInputsAskForAndNormsAreNearOne() throws IOException {
    LanguageModel model = RandomModel.write(folder, config(), 1);

    model
        .config()
        .weightShapes()
        .forEach(
            (name, shape) -> {
              assertThat(model.weights().tensor(name).type()).isEqualTo("BF16");
              float[] values = model.weights().floats(name);
              double sum = 0;
              double squares = 0;
              for (float value : values) {
                sum += value;
                squares += (double) value * value;
              }
              double mean = sum / values.length;
              double deviation = Math.sqrt(squares / values.length - mean * mean);
              double expected = shape.length > 1 ? 1 / Math.sqrt((double) shape[1]) : 0.1;
              assertThat(mean).as(name).isCloseTo(shape.length > 1 ? 0 : 1, within(0.05));
              assertThat(deviation / expected).as(name).isCloseTo(1, within(0.35));
            });
    assertThat(model.endTokens()).isEmpty();
  }

  @Test
  void equalArgumentsGiveEqualBytesAndOtherSeedsOthers() throws IOException {
    for (int number = 0; number < 3; number++) {
      RandomModel.write(folder.resolve("model-" + number), config(), number / 2);
    }

    Path first = folder.resolve("model-0").resolve(Weights.FILE);
    assertThat(folder.resolve("model-1").resolve(Weights.FILE)).hasSameBinaryContentAs(first);
    assertThat(Files.mismatch(first, folder.resolve("model-2").resolve(Weights.FILE)))
        .isNotNegative();
  }

  @Test
  void aModelLargerThanTheDiskIsRefusedBeforeItIsWritten() throws IOException {
    ObjectNode config = config().put("hidden_size", 1 << 20).put("num_hidden_layers", 1000);

    assertThatThrownBy(() -> RandomModel.write(folder, config, 1))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE))
        .hasMessageContaining("GB left; name another folder");
    assertThat(folder.resolve(Weights.FILE)).doesNotExist();
  }
}
