package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.Tokenizer;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** Against what transformers computed; {@code make_t5_fixtures.py} says how. */
class OnnxEncoderTest {
  private static final double TOLERANCE = 1e-4;

  @ParameterizedTest
  @ValueSource(strings = {"t5-relu", "t5-gated"})
  void hiddenStatesAndEmbeddingsAreThoseOfTransformers(String name) throws IOException {
    EncoderModel model = EncoderModel.open(folder(name));
    JsonNode expected = new ObjectMapper().readTree(folder(name).resolve("expected.json").toFile());
    List<int[]> texts = new ArrayList<>();
    try (Tokenizer tokenizer = model.tokenizer()) {
      for (JsonNode each : expected) {
        texts.add(tokenizer.encodeText(each.path("text").asText()));
        assertThat(texts.get(texts.size() - 1)).isEqualTo(integers(each.path("tokens")));
      }
    }

    try (OnnxEncoder encoder = new OnnxEncoder(model, OnnxOptions.DEFAULT)) {
      List<float[][]> hidden = encoder.hiddenStates(texts);
      List<float[]> embeddings = encoder.embed(texts);
      for (int text = 0; text < texts.size(); text++) {
        JsonNode states = expected.path(text).path("hidden");
        assertThat(hidden.get(text)).hasDimensions(states.size(), model.config().hiddenSize());
        for (int token = 0; token < states.size(); token++) {
          requireClose(hidden.get(text)[token], states.path(token));
        }
        requireClose(embeddings.get(text), expected.path(text).path("embedding"));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"t5-relu", "t5-gated"})
  void aTextAmongOthersHasTheEmbeddingThatItHasAlone(String name) {
    List<int[]> texts = List.of(new int[] {3, 4, 5, 1}, tokens(40), new int[] {7});
    // Runs of 120 tokens hold all three at once.
    OnnxOptions options = new OnnxOptions(1, 1, 120);
    try (OnnxEncoder encoder = new OnnxEncoder(EncoderModel.open(folder(name)), options)) {
      List<float[]> together = encoder.embed(texts);
      for (int text = 0; text < texts.size(); text++) {
        float[] alone = encoder.embed(List.of(texts.get(text))).get(0);
        for (int i = 0; i < alone.length; i++) {
          assertThat(together.get(text)[i]).isCloseTo(alone[i], within(1e-5f));
        }
      }
    }
  }

  @Test
  void whatTheModelCannotReadIsRefused() {
    try (OnnxEncoder encoder =
        new OnnxEncoder(EncoderModel.open(folder("t5-relu")), OnnxOptions.DEFAULT)) {
      assertThatThrownBy(() -> encoder.embed(List.of(new int[] {1}, new int[] {64})))
          .isInstanceOfSatisfying(
              PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
          .hasMessageContaining("text 1 holds token id 64");
      assertThatThrownBy(() -> encoder.embed(List.of(new int[0])))
          .hasMessageContaining("text 0 is empty");
    }
  }

  private static void requireClose(float[] found, JsonNode expected) {
    assertThat(found).hasSize(expected.size());
    for (int i = 0; i < found.length; i++) {
      assertThat((double) found[i]).isCloseTo(expected.path(i).asDouble(), within(TOLERANCE));
    }
  }

  static Path folder(String name) {
    return Path.of("src/test/resources/polyphony/encoders", name);
  }

  private static int[] tokens(int count) {
    int[] tokens = new int[count];
    Arrays.setAll(tokens, i -> i % 50);
    return tokens;
  }

  private static int[] integers(JsonNode array) {
    int[] values = new int[array.size()];
    Arrays.setAll(values, i -> array.path(i).asInt());
    return values;
  }
}
