package polyphony.activities.lm.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;

/**
 * Where ONNX Runtime would compute each node of a graph if it had CUDA, and what it would copy
 * between host and device. What it stands on are the types that {@link CudaKernels} lists and some
 * rules of the runtime:
 *
 * <ul>
 *   <li>What depends on constants alone is computed when the model is loaded, and is a constant.
 *   <li>A node with a kernel for its types is computed on the device, unless all that it takes lies
 *       on the host and no kernel of CUDA wants it there: then it is shape arithmetic, and stays on
 *       the host ({@code GetCpuPreferredNodes} in {@code fallback_cpu_capability.cc}).
 *   <li>A value that one side makes and the other takes is copied each time the graph runs; so is
 *       an input, or a value of a graph around it, that both sides take ({@code
 *       transformer_memcpy.cc}).
 *   <li>What a loop is given, and what it hands on, is brought to the side where its body takes it
 *       ({@code controlflow/loop.cc}); its number and condition begin on the host.
 * </ul>
 *
 * @param withoutKernel nodes that cannot be computed on the device
 * @param onHost nodes that stay on the host as shape arithmetic
 * @param copies what is copied each time a graph runs, by the graph
 */
record CudaPlacement(Set<String> withoutKernel, Set<String> onHost, Map<String, Set<Copy>> copies) {

  /** How a value gets to the other side. */
  enum How {
    /** By a node of the runtime's, {@code MemcpyToHost} or {@code MemcpyFromHost}. */
    NODE,
    /** As what a control-flow operator gives its graph, or takes from it. */
    HANDED
  }

  /**
   * @param what the operator that makes the value, or the name of an input
   */
  record Copy(How how, String what, ElementType type) {}

  static CudaPlacement of(ModelProto model) {
    Walk walk = new Walk();
    walk.graph(model.getGraph(), "main", Optional.empty());
    return new CudaPlacement(walk.withoutKernel, walk.onHost, walk.copies);
  }

  /** The nodes that the runtime adds. */
  CopyNodes nodes() {
    Map<String, Integer> byGraph = new TreeMap<>();
    copies.forEach(
        (path, all) ->
            all.stream()
                .filter(copy -> copy.how() == How.NODE)
                .forEach(copy -> byGraph.merge(path, 1, Integer::sum)));
    return new CopyNodes(byGraph);
  }

  /** A value as the graphs inside its own see it. */
  private record Known(ElementType type, boolean onHost, String what) {}

  /** The graph around another one. */
  private record Scope(Map<String, Known> values, Optional<Scope> around) {
    Optional<Known> find(String name) {
      Known known = values.get(name);
      return known != null ? Optional.of(known) : around.flatMap(outer -> outer.find(name));
    }
  }

  private static final class Walk {
    final Set<String> withoutKernel = new LinkedHashSet<>();
    final Set<String> onHost = new LinkedHashSet<>();
    final Map<String, Set<Copy>> copies = new TreeMap<>();
    final Set<String> initializers = new HashSet<>();
    final Set<String> smallInitializers = new HashSet<>();

    /** Returns the types of the outputs. */
    List<ElementType> graph(GraphProto graph, String path, Optional<Scope> around) {
      Graph placed = new Graph(this, graph, path, around);
      placed.place();
      return graph.getOutputList().stream().map(out -> placed.type(out.getName())).toList();
    }

    void copy(String path, How how, String what, ElementType type) {
      copies.computeIfAbsent(path, key -> new LinkedHashSet<>()).add(new Copy(how, what, type));
    }
  }

  /** One graph, without those inside it. */
  private static final class Graph {
    private final Walk walk;
    private final GraphProto graph;
    private final String path;
    private final Scope scope;
    private final Set<String> own = new HashSet<>();
    private final Set<String> inputs = new LinkedHashSet<>();
    private final Set<String> madeOnHost = new HashSet<>();
    private final Set<String> takenOnHost = new LinkedHashSet<>();
    private final Set<String> takenOnDevice = new LinkedHashSet<>();

    Graph(Walk walk, GraphProto graph, String path, Optional<Scope> around) {
      this.walk = walk;
      this.graph = graph;
      this.path = path;
      this.scope = new Scope(new HashMap<>(), around);
    }

    ElementType type(String name) {
      return known(name).type();
    }

    private Known known(String name) {
      return scope
          .find(name)
          .orElseThrow(() -> new IllegalStateException(path + " has no value " + name));
    }

    void place() {
      for (TensorProto tensor : graph.getInitializerList()) {
        long size = tensor.getDimsList().stream().reduce(1L, (a, b) -> a * b);
        own.add(tensor.getName());
        walk.initializers.add(tensor.getName());
        if (size <= 100) {
          walk.smallInitializers.add(tensor.getName());
        }
        know(tensor.getName(), ElementType.of(tensor.getDataType()), false, tensor.getName());
      }
      for (ValueInfoProto input : graph.getInputList()) {
        inputs.add(input.getName());
        ElementType type = ElementType.of(input.getType().getTensorType().getElemType());
        // An input that a graph inside alone takes lies on the device.
        know(input.getName(), type, false, input.getName());
      }
      // Nodes are written in an order in which each comes after what it takes.
      for (NodeProto node : graph.getNodeList()) {
        place(node);
      }
      Set<String> taken = new LinkedHashSet<>(takenOnHost);
      taken.addAll(takenOnDevice);
      taken.removeAll(own); // each side has one
      for (String value : taken) {
        boolean copied =
            isMadeHere(value)
                ? (madeOnHost.contains(value) ? takenOnDevice : takenOnHost).contains(value)
                : takenOnHost.contains(value) && takenOnDevice.contains(value);
        if (copied) {
          walk.copy(path, How.NODE, known(value).what(), type(value));
        }
      }
      if (scope.around().isPresent()) {
        handed();
      }
    }

    private boolean isMadeHere(String value) {
      return scope.values().containsKey(value) && !inputs.contains(value) && !own.contains(value);
    }

    /** Values of the graphs around that lie on another side than the one where they are taken. */
    private void handed() {
      for (Set<String> taken : List.of(takenOnHost, takenOnDevice)) {
        for (String value : taken) {
          boolean outer = !scope.values().containsKey(value) && !walk.initializers.contains(value);
          if (outer && known(value).onHost() != (taken == takenOnHost)) {
            walk.copy(path, How.HANDED, known(value).what(), type(value));
          }
        }
      }
    }

    private void know(String name, ElementType type, boolean onHost, String what) {
      if (!name.isEmpty()) {
        scope.values().put(name, new Known(type, onHost, what));
      }
    }

    private void place(NodeProto node) {
      switch (node.getOpType()) {
        case "Loop" -> loop(node);
        case "If" -> branches(node);
        default -> simple(node);
      }
    }

    private void simple(NodeProto node) {
      List<Optional<ElementType>> types =
          node.getInputList().stream()
              .map(name -> name.isEmpty() ? Optional.<ElementType>empty() : Optional.of(type(name)))
              .toList();
      Optional<CudaKernels.Kernel> kernel = CudaKernels.find(node, types);
      if (kernel.isPresent() && node.getInputList().stream().allMatch(this::isConstant)) {
        fold(node, kernel.get());
        return;
      }
      boolean host = kernel.isEmpty() || isShapeArithmetic(node, kernel.get());
      if (kernel.isEmpty()) {
        walk.withoutKernel.add(node.getName() + " of " + types + " in " + path);
      } else if (host) {
        walk.onHost.add(node.getName());
      }
      for (int i = 0; i < node.getInputCount(); i++) {
        take(node.getInput(i), host || kernel.get().inputOnHost(i));
      }
      for (int i = 0; i < node.getOutputCount(); i++) {
        boolean outputOnHost = host || kernel.get().outputOnHost(i);
        // Without a kernel the type is a guess, which serves to find what else has none.
        ElementType type =
            kernel.isPresent() ? kernel.get().output(i) : types.get(0).orElse(ElementType.FLOAT);
        make(node.getOutput(i), type, outputOnHost, node.getOpType());
      }
    }

    private boolean isConstant(String name) {
      return name.isEmpty() || walk.initializers.contains(name);
    }

    /** The runtime computes what depends on initializers alone when it loads the model. */
    private void fold(NodeProto node, CudaKernels.Kernel kernel) {
      boolean small = node.getInputList().stream().allMatch(walk.smallInitializers::contains);
      for (int i = 0; i < node.getOutputCount(); i++) {
        String output = node.getOutput(i);
        own.add(output);
        walk.initializers.add(output);
        if (small) {
          walk.smallInitializers.add(output);
        }
        know(output, kernel.output(i), false, output);
      }
    }

    /** Whether a node takes what lies on the host already, and no kernel of CUDA wants it there. */
    private boolean isShapeArithmetic(NodeProto node, CudaKernels.Kernel kernel) {
      boolean any = false;
      for (int i = 0; i < node.getInputCount(); i++) {
        String name = node.getInput(i);
        if (name.isEmpty() || walk.smallInitializers.contains(name) || inputs.contains(name)) {
          continue;
        }
        ElementType type = type(name);
        if (!madeOnHost.contains(name)
            || kernel.inputOnHost(i)
            || type == ElementType.FLOAT16
            || type == ElementType.BFLOAT16) {
          return false;
        }
        any = true;
      }
      return any;
    }

    private void take(String name, boolean host) {
      if (!name.isEmpty()) {
        (host ? takenOnHost : takenOnDevice).add(name);
      }
    }

    private void make(String name, ElementType type, boolean host, String what) {
      know(name, type, host, what);
      if (host) {
        madeOnHost.add(name);
      }
    }

    private void branches(NodeProto node) {
      take(node.getInput(0), true);
      List<ElementType> outputs = List.of();
      for (AttributeProto branch : node.getAttributeList()) {
        outputs =
            walk.graph(branch.getG(), CopyNodes.inside(path, branch.getG()), Optional.of(scope));
      }
      for (int i = 0; i < node.getOutputCount(); i++) {
        make(node.getOutput(i), outputs.get(i), false, "If");
      }
    }

    private void loop(NodeProto node) {
      GraphProto body = node.getAttribute(0).getG();
      String inside = CopyNodes.inside(path, body);
      take(node.getInput(0), true);
      take(node.getInput(1), true);
      for (int i = 2; i < node.getInputCount(); i++) {
        take(node.getInput(i), false);
      }
      Graph placed = new Graph(walk, body, inside, Optional.of(scope));
      placed.place();
      if (placed.takenOnDevice.contains(body.getInput(0).getName())) {
        walk.copy(inside, How.HANDED, "iteration", ElementType.INT64);
      }
      String going = body.getInput(1).getName();
      if (placed.takenOnDevice.contains(going)) {
        walk.copy(inside, How.HANDED, going, ElementType.BOOL);
      }
      String condition = body.getOutput(0).getName();
      if (placed.isMadeHere(condition) && !placed.madeOnHost.contains(condition)) {
        walk.copy(inside, How.HANDED, "condition", placed.type(condition));
      }
      for (int i = 2; i < body.getInputCount(); i++) {
        String carried = body.getInput(i).getName();
        String next = body.getOutput(i - 1).getName();
        if (placed.takenOnHost.contains(carried) || placed.madeOnHost.contains(next)) {
          walk.copy(inside, How.HANDED, carried, placed.type(carried));
        }
      }
      for (int i = 0; i < node.getOutputCount(); i++) {
        make(node.getOutput(i), placed.type(body.getOutput(i + 1).getName()), false, "Loop");
      }
    }
  }
}
