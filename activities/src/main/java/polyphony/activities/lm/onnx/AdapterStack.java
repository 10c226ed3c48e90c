package polyphony.activities.lm.onnx;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.LanguageModel;

/**
 * The adapters of several models over one base, one beside another: of the stacked rank each model
 * has columns of its own. A row of a batch is multiplied by all of them, and its mask then leaves
 * its own model's columns, scaled, and nothing of the others'. So the rows of a batch may be of any
 * models, in any order, and a model without adapter is a row whose mask is 0.
 */
final class AdapterStack {
  private final List<LanguageModel> models;
  private final Map<String, long[]> layers;
  private final int rank;

  private AdapterStack(List<LanguageModel> models, Map<String, long[]> layers, int rank) {
    this.models = models;
    this.layers = layers;
    this.rank = rank;
  }

  /**
   * @param models at least one
   * @throws IllegalArgumentException where they are not over one base
   */
  static AdapterStack of(List<LanguageModel> models) {
    LanguageModel base = models.get(0).base();
    TreeSet<String> targets = new TreeSet<>();
    int rank = 0;
    for (LanguageModel model : models) {
      if (!model.folder().equals(base.folder())) {
        throw new IllegalArgumentException(
            "models in one batch share a base: " + model.folder() + " is not " + base.folder());
      }
      if (model.adapter().isPresent()) {
        AdapterConfig config = model.adapter().get().config();
        targets.addAll(config.targets());
        rank = Math.addExact(rank, config.rank());
      }
    }
    return new AdapterStack(List.copyOf(models), base.config().linearLayers(targets), rank);
  }

  /** Whether there is no adapter at all. */
  boolean isEmpty() {
    return layers.isEmpty();
  }

  /** Columns of all adapters together. */
  int rank() {
    return rank;
  }

  /**
   * The layers that any of the adapters changes, by their name in the base without {@code .weight};
   * the shape {@code [out, in]} of each one's weight.
   */
  Map<String, long[]> layers() {
    return layers;
  }

  /** The name of the input that holds a layer's {@code A} matrices, {@code [rank, in]}. */
  static String nameOfA(String layer) {
    return layer + ".lora_A";
  }

  /** The name of the input that holds a layer's {@code B} matrices, {@code [out, rank]}. */
  static String nameOfB(String layer) {
    return layer + ".lora_B";
  }

  /** Adds every layer's matrices; an adapter that does not change a layer has zeros there. */
  void addMatrices(OnnxSession.Inputs inputs) {
    layers.forEach(
        (layer, shape) -> {
          int outputs = Math.toIntExact(shape[0]);
          int width = Math.toIntExact(shape[1]);
          inputs
              .floats(nameOfA(layer), stack -> writeA(layer, width, stack), rank, width)
              .floats(nameOfB(layer), stack -> writeB(layer, outputs, stack), outputs, rank);
        });
  }

  private void writeA(String layer, int width, FloatBuffer stack) {
    for (int model = 0; model < models.size(); model++) {
      Optional<Adapter> adapter = adapterOf(model, layer);
      if (adapter.isPresent()) {
        FloatBuffer own =
            stack.slice(firstColumn(model) * width, adapter.get().config().rank() * width);
        adapter.get().weights().floats(Adapter.nameOfA(layer), own);
      }
    }
  }

  private void writeB(String layer, int outputs, FloatBuffer stack) {
    for (int model = 0; model < models.size(); model++) {
      Optional<Adapter> adapter = adapterOf(model, layer);
      if (adapter.isPresent()) {
        int own = adapter.get().config().rank();
        int column = firstColumn(model);
        float[] rows = adapter.get().weights().floats(Adapter.nameOfB(layer));
        for (int output = 0; output < outputs; output++) {
          stack.put(output * rank + column, rows, output * own, own);
        }
      }
    }
  }

  /** A model's adapter, where it has one that changes this layer. */
  private Optional<Adapter> adapterOf(int model, String layer) {
    return models.get(model).adapter().filter(each -> each.config().adapts(layer));
  }

  /**
   * Adds the mask of a batch, where there is any adapter: {@code adapters} float {@code [rows,
   * rank]}.
   *
   * @param modelOfRow each row's model, by its place among the models
   */
  void addMask(OnnxSession.Inputs inputs, List<Integer> modelOfRow) {
    if (isEmpty()) {
      return;
    }
    float[] mask = new float[Math.multiplyExact(modelOfRow.size(), rank)];
    for (int row = 0; row < modelOfRow.size(); row++) {
      int model = modelOfRow.get(row);
      if (models.get(model).adapter().isPresent()) {
        AdapterConfig config = models.get(model).adapter().get().config();
        int from = row * rank + firstColumn(model);
        Arrays.fill(mask, from, from + config.rank(), (float) config.scale());
      }
    }
    inputs.floats("adapters", mask, modelOfRow.size(), rank);
  }

  private int firstColumn(int model) {
    return models.subList(0, model).stream()
        .flatMap(each -> each.adapter().stream())
        .mapToInt(adapter -> adapter.config().rank())
        .sum();
  }

  /**
   * @param what names the row in the error, such as {@code prompt 3}
   * @throws IllegalArgumentException where there is no such model
   */
  void check(int model, String what) {
    if (model < 0 || model >= models.size()) {
      throw new IllegalArgumentException(
          what + " is of model " + model + "; " + models.size() + " were opened");
    }
  }
}
