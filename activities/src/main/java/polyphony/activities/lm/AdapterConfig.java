package polyphony.activities.lm;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
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
 *     q_proj}; see {@link DecoderConfig#linearLayers()}
 */
public record AdapterConfig(int rank, double alpha, double dropout, SortedSet<String> targets) {
  public AdapterConfig {
    targets = Collections.unmodifiableSortedSet(new TreeSet<>(targets));
  }

  /** In words, such as {@code LoRA of rank 8, alpha 16, on q_proj, v_proj}. */
  public String shown() {
    String number =
        alpha == Math.rint(alpha) ? String.format(Locale.ROOT, "%.0f", alpha) : "" + alpha;
    return "LoRA of rank " + rank + ", alpha " + number + ", on " + String.join(", ", targets);
  }

  /** Whether training may go on with the one as the other: all but the dropout is the same. */
  public boolean sameShape(AdapterConfig other) {
    return rank == other.rank && alpha == other.alpha && targets.equals(other.targets);
  }

  /** What {@code B A} is multiplied by. */
  public double scale() {
    return alpha / rank;
  }

  /**
   * Reads PEFT's {@code adapter_config.json}. What would change the computation and is not
   * understood is refused.
   *
   * @param base what the adapter is for
   * @throws PolyphonyException DATA, naming the file, the field and what is supported
   */
  public static AdapterConfig read(Path file, DecoderConfig base) {
    return AdapterConfigFile.read(file, base);
  }

  /**
   * Writes {@code adapter_config.json} as PEFT reads it. Equal configurations give equal bytes.
   *
   * @param baseModel where PEFT shall look for the base, if that is known
   */
  public void write(Path file, Optional<String> baseModel) {
    AdapterConfigFile.write(file, this, baseModel);
  }

  /** Whether this adds to the linear layer of that name, with or without its path. */
  public boolean adapts(String layer) {
    return targets.contains(target(layer));
  }

  /** A linear layer's name without its path. */
  static String target(String layer) {
    return layer.substring(layer.lastIndexOf('.') + 1);
  }

  /** Every tensor's name in PEFT and its shape, block by block: {@code A}, then {@code B}. */
  public Map<String, long[]> weightShapes(DecoderConfig base) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    for (int block = 0; block < base.layers(); block++) {
      base.linearLayers(block)
          .forEach(
              (layer, shape) -> {
                if (adapts(layer)) {
                  shapes.put(Adapter.nameOfA(layer), new long[] {rank, shape[1]});
                  shapes.put(Adapter.nameOfB(layer), new long[] {shape[0], rank});
                }
              });
    }
    return shapes;
  }

  /** Parameters in all. */
  public long parameters(DecoderConfig base) {
    return weightShapes(base).values().stream().mapToLong(shape -> shape[0] * shape[1]).sum();
  }
}
