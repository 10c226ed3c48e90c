package polyphony.activities.lm.torch;

import ai.djl.ndarray.NDScope;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.NativeWork;
import polyphony.storage.PolyphonyException;

/** What a model thinks of the next token, by libtorch. For comparing with other programs. */
public final class TorchLogits {
  private TorchLogits() {}

  /**
   * The logits after the last of {@code tokens}, by token id.
   *
   * @param tokens ids below the vocabulary's size, at least one
   * @throws PolyphonyException DATA where a weight cannot be used; OUT_OF_MEMORY
   */
  public static float[] last(LanguageModel model, int[] tokens) {
    return NativeWork.guarded(
        () -> {
          TorchEngine.prepareThread(false);
          try (PtNDManager manager = TorchEngine.newManager();
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
                            TorchDecoder.array(
                                manager, shape, into -> model.weights().floats(name, into))));
            float[] all =
                decoder
                    .logits(weights, Arrays.stream(tokens).asLongStream().toArray(), 1)
                    .toFloatArray();
            return Arrays.copyOfRange(
                all, all.length - model.config().vocabularySize(), all.length);
          } catch (PolyphonyException e) {
            throw e;
          } catch (RuntimeException | OutOfMemoryError e) {
            throw TorchEngine.failure("logits cannot be computed", e);
          }
        });
  }
}
