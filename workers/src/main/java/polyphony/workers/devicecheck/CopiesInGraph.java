package polyphony.workers.devicecheck;

import java.util.Map;
import java.util.function.Consumer;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.onnx.CopyNodes;
import polyphony.workers.devicecheck.Finding.Fact;
import polyphony.workers.devicecheck.Finding.Verdict;

/**
 * Whether the runtime copies nothing between host and device but what it must: a copy in the loop
 * of decoding costs every token.
 */
final class CopiesInGraph {
  private CopiesInGraph() {}

  static void verify(Bench bench, Consumer<Finding> to) {
    Map<String, Integer> needed = bench.subject().onGpu() ? CopyNodes.ON_GPU.byGraph() : Map.of();
    for (ModelShape shape : ModelShape.VARIATIONS) {
      LanguageModel model = bench.model(shape);
      CopyNodes found = CopyNodes.ofSampling(model, bench.subject().options());
      to.accept(
          new Fact(
              shape.name() + ", nodes that copy",
              found.total() == 0 ? "none" : found.byGraph().toString()));
      int excess =
          found.byGraph().entrySet().stream()
              .mapToInt(
                  each -> Math.max(0, each.getValue() - needed.getOrDefault(each.getKey(), 0)))
              .sum();
      to.accept(
          new Verdict(
              shape.name() + ": nodes that copy to or from the device needlessly", excess, 0));
    }
  }
}
