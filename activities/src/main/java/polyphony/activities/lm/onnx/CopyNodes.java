package polyphony.activities.lm.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import polyphony.activities.lm.LanguageModel;
import polyphony.storage.PolyphonyException;

/**
 * The nodes that ONNX Runtime itself puts into a model's graph to copy values between host and
 * device, each time that the graph runs.
 *
 * @param byGraph how many, by where they are: {@code main} is the whole, {@code main/decode} the
 *     body of its loop, and so on inwards; only what has some
 */
public record CopyNodes(Map<String, Integer> byGraph) {
  private static final String NUCLEUS = "main/decode/draw/nucleus";

  /**
   * What is right on a GPU, where a token is drawn from a nucleus: one truth, whether the shortlist
   * is enough, and one where the search for more begins. The loop's own condition takes no node.
   */
  public static final CopyNodes ON_GPU =
      new CopyNodes(Map.of(NUCLEUS, 1, NUCLEUS + "/searched", 1));

  public CopyNodes {
    byGraph = Map.copyOf(byGraph);
  }

  /**
   * Counts those of the graph that samples from {@code model}, in the form in which the runtime
   * would run it with {@code options}. On the processor there are none.
   *
   * <p>The runtime writes that form, and weights that it converts, to a file; a model of a few
   * layers tells as much as one of many.
   *
   * @throws PolyphonyException as opening the model for sampling does; INFRASTRUCTURE where there
   *     is no room for the file
   */
  public static CopyNodes ofSampling(LanguageModel model, OnnxOptions options) {
    Map<String, Integer> byGraph = new TreeMap<>();
    count(
        OnnxSession.optimized(
                model, AdapterStack.of(List.of(model)), DecoderGraph::generation, options)
            .getGraph(),
        "main",
        byGraph);
    return new CopyNodes(byGraph);
  }

  private static void count(GraphProto graph, String path, Map<String, Integer> byGraph) {
    for (NodeProto node : graph.getNodeList()) {
      if (node.getOpType().equals("MemcpyToHost") || node.getOpType().equals("MemcpyFromHost")) {
        byGraph.merge(path, 1, Integer::sum);
      }
      for (AttributeProto attribute : node.getAttributeList()) {
        if (attribute.hasG()) {
          count(attribute.getG(), inside(path, attribute.getG()), byGraph);
        }
      }
    }
  }

  /** The path of a graph inside the one at {@code path}. */
  static String inside(String path, GraphProto graph) {
    return path + "/" + graph.getName().replaceAll("_\\d+$", "");
  }

  /** All of them. */
  public int total() {
    return byGraph.values().stream().mapToInt(Integer::intValue).sum();
  }
}
