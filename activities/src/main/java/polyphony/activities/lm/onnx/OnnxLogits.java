package polyphony.activities.lm.onnx;

import java.util.List;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.TokenIds;
import polyphony.storage.PolyphonyException;

/** What a model thinks of the next token, by ONNX Runtime. For comparing with other programs. */
public final class OnnxLogits {
  private OnnxLogits() {}

  /**
   * The logits after the last of {@code tokens}, by token id. There may be more of them than the
   * model's context holds, as in transformers.
   *
   * @throws PolyphonyException DATA for no token or one outside the vocabulary, or where a weight
   *     cannot be used; OUT_OF_MEMORY
   */
  public static float[] last(LanguageModel model, int[] tokens, OnnxOptions options) {
    TokenIds.require(model.config().vocabularySize(), tokens, "the list of tokens");
    PaddedBatch batch = PaddedBatch.of(List.of(tokens), options.variant().padding(model.config()));
    float[] logits = new float[model.config().vocabularySize()];
    AdapterStack adapters = AdapterStack.of(List.of(model));
    try (OnnxSession session = OnnxSession.open(model, adapters, DecoderGraph::logits, options);
        OnnxSession.Inputs inputs = session.inputs()) {
      inputs
          .integers("texts", batch.ids(), 1, batch.columns())
          .integers("padding", batch.padding(), 1)
          .integers("positions", new long[] {batch.columns() - 1L}, 1);
      if (model.config().rotary().regimes() > 1) {
        inputs.integers("firstRows", batch.firstRows(model.config().rotary(), batch.columns()), 1);
      }
      adapters.addMask(inputs, List.of(0));
      RotaryTable.of(model.config().rotary().at(batch.columns()), batch.columns()).addTo(inputs);
      session.run(
          inputs, OnnxSession.Memory.GIVEN_BACK, outputs -> outputs.floats("logits").get(logits));
    }
    return logits;
  }
}
