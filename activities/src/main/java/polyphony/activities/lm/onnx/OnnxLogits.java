package polyphony.activities.lm.onnx;

import java.util.List;
import polyphony.activities.lm.LanguageModel;
import polyphony.storage.PolyphonyException;

/** What a model thinks of the next token, by ONNX Runtime. For comparing with other programs. */
public final class OnnxLogits {
  private OnnxLogits() {}

  /**
   * The logits after the last of {@code tokens}, by token id.
   *
   * @throws PolyphonyException DATA for no or too many tokens or one outside the vocabulary, or
   *     where a weight cannot be used; OUT_OF_MEMORY
   */
  public static float[] last(LanguageModel model, int[] tokens, OnnxOptions options) {
    PaddedBatch.check(model.config(), tokens, "the list of tokens");
    PaddedBatch batch = PaddedBatch.of(List.of(tokens));
    float[] logits = new float[model.config().vocabularySize()];
    try (OnnxSession session = OnnxSession.open(model, DecoderGraph::logits, options);
        OnnxSession.Inputs inputs = session.inputs()) {
      inputs
          .integers("texts", batch.ids(), 1, batch.columns())
          .integers("padding", batch.padding(), 1)
          .integers("positions", new long[] {batch.columns() - 1L}, 1);
      if (model.config().rotary().regimes() > 1) {
        inputs.integers("regimes", batch.regimes(model.config().rotary()), 1);
      }
      RotaryTable.of(model.config().rotary(), batch.columns()).addTo(inputs);
      session.run(
          inputs, OnnxSession.Memory.GIVEN_BACK, outputs -> outputs.floats("logits").get(logits));
    }
    return logits;
  }
}
