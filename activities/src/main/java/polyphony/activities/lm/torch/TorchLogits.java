package polyphony.activities.lm.torch;

import ai.djl.ndarray.NDScope;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import java.util.ArrayList;
import java.util.List;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.NativeWork;
import polyphony.activities.lm.TokenIds;
import polyphony.storage.PolyphonyException;

/** What a model thinks of the next token, by libtorch. For comparing with other programs. */
public final class TorchLogits {
  private TorchLogits() {}

  /**
   * The logits after the last of {@code tokens}, by token id. There may be more of them than the
   * model's context holds, as in transformers.
   *
   * @throws PolyphonyException DATA for no token or one outside the vocabulary, or where a weight
   *     cannot be used; OUT_OF_MEMORY
   */
  public static float[] last(LanguageModel model, int[] tokens) {
    return last(model, tokens, Device.CPU);
  }

  /** The same on a device. */
  public static float[] last(LanguageModel model, int[] tokens, Device device) {
    TokenIds.require(model.config().vocabularySize(), tokens, "the list of tokens");
    return NativeWork.guarded(
        () -> {
          TorchEngine.prepareThread(false);
          try (PtNDManager manager = TorchEngine.newManager(device);
              NDScope scope = new NDScope();
              TorchDecoder decoder = new TorchDecoder(manager, model.config())) {
            scope.suppressNotUsedWarning();
            List<PtNDArray> weights = new ArrayList<>();
            model
                .config()
                .weightShapes()
                .forEach(
                    (name, shape) ->
                        weights.add(
                            TorchDecoder.array(manager, shape, into -> model.floats(name, into))));
            return decoder.logits(weights, tokens, tokens.length - 1).toFloatArray();
          } catch (PolyphonyException e) {
            throw e;
          } catch (RuntimeException | OutOfMemoryError e) {
            throw TorchEngine.failure("logits cannot be computed", e);
          }
        });
  }
}
