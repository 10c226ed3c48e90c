package polyphony.activities.lm;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What models with adapters come to where these are merged into the base: all in doubles. */
public final class MergedAdapters {
  private MergedAdapters() {}

  /** The model in plain doubles: {@code W + scale B A}. */
  public static ReferenceDecoder reference(LanguageModel model) {
    ReferenceDecoder decoder = ReferenceDecoder.of(model.base());
    additions(model)
        .forEach(
            (layer, addition) -> {
              double[] weight = decoder.weights().get(layer + ".weight");
              for (int i = 0; i < weight.length; i++) {
                weight[i] += addition[i];
              }
            });
    return decoder;
  }

  /** A copy of the model whose adapter went into its weights, rounded to 32 bits once. */
  public static LanguageModel merged(LanguageModel model, Path folder) {
    Map<String, double[]> additions = additions(model);
    return ModelFiles.changed(
        model.base(),
        folder,
        (name, values) -> {
          double[] addition = additions.get(name.replaceFirst("\\.weight$", ""));
          for (int i = 0; addition != null && i < values.length; i++) {
            values[i] = (float) (values[i] + addition[i]);
          }
        });
  }

  private static Map<String, double[]> additions(LanguageModel model) {
    Map<String, double[]> additions = new LinkedHashMap<>();
    if (model.adapter().isEmpty()) {
      return additions;
    }
    Adapter adapter = model.adapter().get();
    int rank = adapter.config().rank();
    model
        .config()
        .linearLayers(adapter.config().targets())
        .forEach(
            (layer, shape) -> {
              float[] a = adapter.weights().floats(Adapter.nameOfA(layer));
              float[] b = adapter.weights().floats(Adapter.nameOfB(layer));
              int inputs = (int) shape[1];
              double[] sum = new double[(int) shape[0] * inputs];
              for (int i = 0; i < sum.length; i++) {
                for (int j = 0; j < rank; j++) {
                  sum[i] += (double) b[i / inputs * rank + j] * a[j * inputs + i % inputs];
                }
                sum[i] *= adapter.config().alpha() / rank;
              }
              additions.put(layer, sum);
            });
    return additions;
  }
}
