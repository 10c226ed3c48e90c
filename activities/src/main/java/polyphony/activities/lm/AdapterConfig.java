package polyphony.activities.lm;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import polyphony.storage.PolyphonyException;

/**
 * The shape of a LoRA adapter (Hu et al., arXiv 2106.09685): each target's weight {@code W [out,
 * in]} becomes {@code W + alpha / rank * B A}, where {@code A [rank, in]} and {@code B [out,
 * rank]}.
 *
 * @param rank of every target's addition
 * @param alpha numerator of the scale
 * @param dropout share of a target's input that training sets to 0 on the way to {@code A}
 * @param targets names of the linear layers within a block, without their path, such as {@code
 *     q_proj}
 */
public record AdapterConfig(int rank, double alpha, double dropout, SortedSet<String> targets) {
  /**
   * The linear layers of a block that have an addition, in the order of {@link
   * DecoderConfig#blockShapes}: their names there, without {@code .weight}.
   *
   * @throws PolyphonyException CONFIG where a target is none of the decoder's
   */
  public List<String> layers(DecoderConfig config) {
    List<String> linears =
        config.blockShapes().entrySet().stream()
            .filter(each -> each.getValue().length == 2)
            .map(each -> each.getKey().substring(0, each.getKey().lastIndexOf('.')))
            .toList();
    List<String> names = linears.stream().map(AdapterConfig::target).toList();
    for (String target : targets) {
      if (!names.contains(target)) {
        throw PolyphonyException.config(
            "the model has no linear layer "
                + target
                + " to adapt; targets may name "
                + String.join(", ", names));
      }
    }
    return linears.stream().filter(each -> targets.contains(target(each))).toList();
  }

  private static String target(String layer) {
    return layer.substring(layer.lastIndexOf('.') + 1);
  }

  /**
   * PEFT's name and the shape of every tensor, in a fixed order: block by block, in each the layers
   * of {@link #layers}, of each A and then B.
   *
   * @throws PolyphonyException CONFIG where a target is none of the decoder's
   */
  public Map<String, long[]> weightShapes(DecoderConfig config) {
    Map<String, long[]> blockShapes = config.blockShapes();
    Map<String, long[]> shapes = new LinkedHashMap<>();
    for (int block = 0; block < config.layers(); block++) {
      for (String layer : layers(config)) {
        long[] shape = blockShapes.get(layer + ".weight");
        String name = DecoderConfig.blockPrefix(block) + layer;
        shapes.put(Adapter.nameOfA(name), new long[] {rank, shape[1]});
        shapes.put(Adapter.nameOfB(name), new long[] {shape[0], rank});
      }
    }
    return shapes;
  }

  /** What {@code B A} is multiplied by. */
  public double scale() {
    return alpha / rank;
  }
}
