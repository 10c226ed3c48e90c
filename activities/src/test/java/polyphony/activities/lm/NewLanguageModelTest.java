package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.storage.PolyphonyException;

class NewLanguageModelTest {
  @TempDir Path folder;

  @Test
  void aNewModelOpensWithTheShapeItWasGiven() {
    LanguageModel model = TinyModels.untied(folder);

    assertThat(model.config()).isEqualTo(TinyModels.config(false));
    assertThat(model.endTokens()).containsExactly(2);
    assertThat(model.weights().tensors().keySet())
        .containsExactlyInAnyOrderElementsOf(model.config().weightShapes().keySet());
  }

  @Test
  void equalSeedsGiveEqualBytesAndOthersDoNot() throws IOException {
    TinyModels.random(folder.resolve("a"), TinyModels.config(false), 7);
    TinyModels.random(folder.resolve("b"), TinyModels.config(false), 7);
    TinyModels.random(folder.resolve("c"), TinyModels.config(false), 8);

    try (Stream<Path> files = Files.list(folder.resolve("a"))) {
      for (Path file : files.toList()) {
        assertThat(folder.resolve("b").resolve(file.getFileName())).hasSameBinaryContentAs(file);
      }
    }
    assertThat(Files.mismatch(weightsOf("a"), weightsOf("c"))).isNotNegative();
  }

  private Path weightsOf(String name) {
    return folder.resolve(name).resolve("model.safetensors");
  }

  @Test
  void matricesAreGaussianAndResidualProjectionsAreScaledByDepth() {
    DecoderConfig config = new DecoderConfig(26, 64, 8, 4, 4, 16, 256, 10000, 1e-5, 96, false);
    Weights weights = TinyModels.random(folder, config, 3).weights();

    assertThat(deviation(weights.floats("model.layers.5.mlp.up_proj.weight")))
        .isBetween(0.29, 0.31);
    assertThat(deviation(weights.floats("model.layers.5.mlp.down_proj.weight")))
        .isBetween(0.29 / 4, 0.31 / 4);
    assertThat(deviation(weights.floats("model.layers.5.self_attn.o_proj.weight")))
        .isBetween(0.28 / 4, 0.32 / 4);
    assertThat(weights.floats("model.norm.weight")).containsOnly(1f);
  }

  private static double deviation(float[] values) {
    double squares = 0;
    for (float value : values) {
      squares += value * value;
    }
    return Math.sqrt(squares / values.length);
  }

  @Test
  void aVocabularySizeThatDoesNotFitTheAlphabetIsRefused() {
    assertThatThrownBy(
            () ->
                NewLanguageModel.write(
                    folder,
                    TinyModels.config(false),
                    "01",
                    CompactDialect.SPECIAL_TOKENS,
                    "",
                    0,
                    1))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("5 tokens")
        .hasMessageContaining("26");
  }

  @Test
  void aCharacterThatAppearsTwiceIsRefused() {
    for (String alphabet : List.of("0123456789+-*=;#,/QABS0", "0123456789+-*=;#,/QABS^")) {
      assertThatThrownBy(
              () ->
                  NewLanguageModel.write(
                      folder,
                      TinyModels.config(false),
                      alphabet,
                      CompactDialect.SPECIAL_TOKENS,
                      "",
                      0,
                      1))
          .isInstanceOf(PolyphonyException.class)
          .hasMessageContaining("twice");
    }
  }
}
