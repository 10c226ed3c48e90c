package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.TransformersParityTest;
import polyphony.activities.lm.onnx.CudaPlacement.Copy;
import polyphony.activities.lm.onnx.CudaPlacement.How;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;
import polyphony.activities.lm.onnx.GraphBuilder.Value;
import polyphony.activities.lm.onnx.GraphVariant.Attention;
import polyphony.activities.lm.onnx.GraphVariant.Precision;

/**
 * The graphs as ONNX Runtime would place them on CUDA, for every supported architecture. That the
 * placement is the runtime's own is what {@code deploy/gpu-check} counts on a GPU.
 */
class CudaPlacementTest {
  private static final String DRAW = "main/decode/draw/nucleus";
  private static final Copy CONDITION = new Copy(How.HANDED, "condition", ElementType.BOOL);

  static Stream<String> models() {
    return TransformersParityTest.variants();
  }

  static List<GraphVariant> variants() {
    return List.of(
        GraphVariant.CUDA,
        new GraphVariant(Attention.GROUPED, Precision.FLOAT16, true),
        new GraphVariant(Attention.STANDARD, Precision.BFLOAT16, true),
        new GraphVariant(Attention.STANDARD, Precision.FLOAT16, true),
        new GraphVariant(Attention.STANDARD, Precision.FLOAT32, true));
  }

  @TempDir Path folder;

  /** The model, and with it one over it whose adapter changes every linear layer. */
  private List<List<LanguageModel>> aloneAndAdapted(String name) {
    LanguageModel base = LanguageModel.openToCompute(TransformersParityTest.FIXTURES.resolve(name));
    AdapterConfig config = new AdapterConfig(4, 8, 0, base.config().linearLayers());
    LanguageModel adapted = base.with(TinyModels.adapter(folder, base.config(), config, 1));
    return List.of(List.of(base), List.of(base, adapted));
  }

  @ParameterizedTest
  @MethodSource("models")
  void generationStaysOnTheDeviceButForItsConditions(String name) {
    for (List<LanguageModel> models : aloneAndAdapted(name)) {
      for (GraphVariant variant : variants()) {
        CudaPlacement placement = placement(models, DecoderGraph::generation, variant);

        assertThat(placement.withoutKernel()).isEmpty();
        // Scalars all: 8 and 1 bytes a token; 1 more with a nucleus, and a search where needed.
        assertThat(placement.copies())
            .isEqualTo(
                Map.of(
                    "main/decode",
                    Set.of(new Copy(How.HANDED, "iteration", ElementType.INT64), CONDITION),
                    DRAW,
                    Set.of(new Copy(How.NODE, "Cast", ElementType.BOOL)),
                    DRAW + "/searched",
                    Set.of(new Copy(How.NODE, "Cast", ElementType.BOOL)),
                    DRAW + "/searched/search",
                    Set.of(CONDITION)));
        assertThat(placement.nodes()).isEqualTo(CopyNodes.ON_GPU);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void aForwardPassCopiesNothing(String name) {
    for (List<LanguageModel> models : aloneAndAdapted(name)) {
      for (GraphVariant variant : variants()) {
        for (OnnxSession.Emission emission :
            List.<OnnxSession.Emission>of(DecoderGraph::scoring, DecoderGraph::logits)) {
          CudaPlacement placement = placement(models, emission, variant);

          assertThat(placement.withoutKernel()).isEmpty();
          assertThat(placement.copies()).isEmpty();
        }
      }
    }
  }

  private static CudaPlacement placement(
      List<LanguageModel> models, OnnxSession.Emission emission, GraphVariant variant) {
    LanguageModel base = models.get(0);
    return CudaPlacement.of(
        emission.graph(base.config(), base.weights(), AdapterStack.of(models), variant));
  }

  @Test
  void onTheProcessorTheRuntimeCopiesNothing() {
    LanguageModel model =
        LanguageModel.openToCompute(TransformersParityTest.FIXTURES.resolve("llama2"));
    for (GraphVariant variant : Shapes.variants()) {
      assertThat(CopyNodes.ofSampling(model, OnnxOptions.DEFAULT.with(variant)))
          .isEqualTo(new CopyNodes(Map.of()));
    }
  }

  @Test
  void aTypeWithoutKernelIsFound() {
    GraphBuilder graph = new GraphBuilder("test");
    Value x = graph.input("x", ElementType.BFLOAT16, "n");
    graph.apply("LogSoftmax", x);
    graph.apply("Sigmoid", x);
    graph.apply("ReduceMax", x);

    assertThat(CudaPlacement.of(graph.model()).withoutKernel())
        .hasSize(2)
        .anyMatch(node -> node.startsWith("LogSoftmax"))
        .anyMatch(node -> node.startsWith("ReduceMax"));
  }

  @Test
  void shapeArithmeticStaysOnTheHostAndWhatComesOfTheDeviceIsCopied() {
    GraphBuilder graph = new GraphBuilder("test");
    Value x = graph.input("x", ElementType.INT64, "n");
    Value length = graph.length(x, 0);
    Value more = graph.apply("Add", length, graph.integer(1));
    graph.apply("Range", length, more, graph.integer(1));
    assertThat(CudaPlacement.of(graph.model()).onHost()).hasSize(2); // Squeeze and Add
    assertThat(CudaPlacement.of(graph.model()).copies()).isEmpty();

    // Takes the sum to the device; an input of the graph would not have kept the product there.
    Value doubled = graph.apply("Mul", graph.apply("Add", x, x), more);
    assertThat(CudaPlacement.of(graph.model()).copies())
        .isEqualTo(Map.of("main", Set.of(new Copy(How.NODE, "Add", ElementType.INT64))));

    graph.apply("ConstantOfShape", doubled); // takes the product to the host
    assertThat(CudaPlacement.of(graph.model()).nodes().total()).isEqualTo(2);
  }

  @Test
  void whatAnInnerGraphTakesFromTheOtherSideIsCopiedWheneverItRuns() {
    GraphBuilder graph = new GraphBuilder("test");
    Value x = graph.input("x", ElementType.FLOAT, "n");
    Value chosen = graph.input("chosen", ElementType.BOOL);
    Value steps = graph.integer(4);
    GraphBuilder body = graph.subgraph("body");
    Value number = body.parameter("number", ElementType.INT64);
    Value going = body.parameter("going", ElementType.BOOL);
    GraphBuilder branch = body.subgraph("branch");
    branch.output(branch.apply("Exp", x), ElementType.FLOAT, "n");
    GraphBuilder other = body.subgraph("branch");
    other.output(other.apply("Tanh", x), ElementType.FLOAT, "n");
    body.output(body.apply("Identity", going), ElementType.BOOL);
    body.output(
        body.operator("If").with("then_branch", branch).with("else_branch", other).of(chosen),
        ElementType.FLOAT,
        "n");
    body.apply("Range", number, steps, number); // host
    body.apply("Add", number, steps); // device
    graph.operator("Loop").with("body", body).of(steps, graph.truth(true));

    assertThat(CudaPlacement.of(graph.model()).copies().get("main/body"))
        .containsExactlyInAnyOrder(
            new Copy(How.NODE, number.name(), ElementType.INT64),
            new Copy(How.NODE, steps.name(), ElementType.INT64),
            new Copy(How.HANDED, "iteration", ElementType.INT64),
            new Copy(How.HANDED, "chosen", ElementType.BOOL),
            new Copy(How.HANDED, going.name(), ElementType.BOOL),
            CONDITION);
  }
}
