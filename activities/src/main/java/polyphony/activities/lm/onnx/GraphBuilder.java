package polyphony.activities.lm.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.platform.Fp16Conversions;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import polyphony.activities.lm.Weights;
import polyphony.storage.PolyphonyException;

/**
 * Writes an ONNX graph line by line: {@code Value y = graph.apply("Add", a, b)}. A subgraph (the
 * body of a Loop, a branch of an If) is a builder of its own that may use every value of the graphs
 * around it. Weights always live in the outermost graph, once each; a constant lives in the graph
 * that uses it, where the runtime gives every device a copy of its own when it loads the model. One
 * of an outer graph would be copied whenever the inner one runs.
 */
final class GraphBuilder {
  /** A tensor of the graph. */
  record Value(String name) {
    /** Stands for an optional input or output that is left out. */
    static final Value NONE = new Value("");
  }

  /** Element types, with their ONNX numbers. */
  enum ElementType {
    FLOAT(TensorProto.DataType.FLOAT),
    FLOAT16(TensorProto.DataType.FLOAT16),
    BFLOAT16(TensorProto.DataType.BFLOAT16),
    DOUBLE(TensorProto.DataType.DOUBLE),
    INT32(TensorProto.DataType.INT32),
    INT64(TensorProto.DataType.INT64),
    BOOL(TensorProto.DataType.BOOL);

    private final TensorProto.DataType onnx;

    ElementType(TensorProto.DataType onnx) {
      this.onnx = onnx;
    }

    /** The type with this ONNX number. */
    static ElementType of(int number) {
      for (ElementType type : values()) {
        if (type.onnx.getNumber() == number) {
          return type;
        }
      }
      throw new IllegalArgumentException("no element type has the number " + number);
    }
  }

  static final String CONTRIB = "com.microsoft";
  private static final int OPSET = 23;
  private static final int IR_VERSION = 11;

  private final GraphProto.Builder graph = GraphProto.newBuilder();
  private final GraphBuilder root;
  private final AtomicInteger counter;
  private final Map<String, Value> constants = new HashMap<>();

  GraphBuilder(String name) {
    this.root = this;
    this.counter = new AtomicInteger();
    graph.setName(name);
  }

  private GraphBuilder(GraphBuilder parent, String name) {
    this.root = parent.root;
    this.counter = parent.counter;
    graph.setName(name + "_" + counter.getAndIncrement());
  }

  /** A graph inside this one. */
  GraphBuilder subgraph(String name) {
    return new GraphBuilder(this, name);
  }

  /** An input; a dimension is a number or a symbol such as {@code batch}. */
  Value input(String name, ElementType type, String... dimensions) {
    graph.addInput(information(name, type, dimensions));
    return new Value(name);
  }

  /** An input of a subgraph: its name is made unique. */
  Value parameter(String name, ElementType type, String... dimensions) {
    return input(name + "_" + counter.getAndIncrement(), type, dimensions);
  }

  /** Makes {@code value} the next output. */
  void output(Value value, ElementType type, String... dimensions) {
    graph.addOutput(information(value.name(), type, dimensions));
  }

  /** Makes {@code value} the next output, under a name that the caller of the model uses. */
  void output(String name, Value value, ElementType type, String... dimensions) {
    graph.addNode(
        NodeProto.newBuilder()
            .setOpType("Identity")
            .setName(name)
            .addInput(value.name())
            .addOutput(name));
    output(new Value(name), type, dimensions);
  }

  private static ValueInfoProto information(String name, ElementType type, String... dimensions) {
    TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
    for (String dimension : dimensions) {
      if (Character.isDigit(dimension.charAt(0))) {
        shape.addDimBuilder().setDimValue(Long.parseLong(dimension));
      } else {
        shape.addDimBuilder().setDimParam(dimension);
      }
    }
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(type.onnx.getNumber())
                        .setShape(shape)))
        .build();
  }

  /** A vector of 64-bit integers. */
  Value integers(long... values) {
    return constant(
        "integers_" + Arrays.toString(values),
        TensorProto.newBuilder()
            .setDataType(TensorProto.DataType.INT64.getNumber())
            .addDims(values.length)
            .addAllInt64Data(LongStream.of(values).boxed().toList()));
  }

  /** A scalar of 64-bit integer type. */
  Value integer(long value) {
    return constant(
        "integer_" + value,
        TensorProto.newBuilder()
            .setDataType(TensorProto.DataType.INT64.getNumber())
            .addInt64Data(value));
  }

  /** A scalar of 32-bit floating-point type. */
  Value real(float value) {
    return constant(
        "real_" + value,
        TensorProto.newBuilder()
            .setDataType(TensorProto.DataType.FLOAT.getNumber())
            .addFloatData(value));
  }

  /** A scalar of a floating-point type of at most 32 bits, rounded to it. */
  Value real(float value, ElementType type) {
    return switch (type) {
      case FLOAT -> real(value);
      case FLOAT16 -> bits(value, type, Fp16Conversions.floatToFp16(value));
      case BFLOAT16 -> bits(value, type, Fp16Conversions.floatToBf16(value));
      default -> throw new IllegalArgumentException(type + " is no type of real numbers here");
    };
  }

  private Value bits(float value, ElementType type, short bits) {
    return constant(
        type.name().toLowerCase(Locale.ROOT) + "_" + value,
        TensorProto.newBuilder()
            .setDataType(type.onnx.getNumber())
            .addInt32Data(Short.toUnsignedInt(bits)));
  }

  /** A scalar of 64-bit floating-point type. */
  Value doubleReal(double value) {
    return constant(
        "double_" + value,
        TensorProto.newBuilder()
            .setDataType(TensorProto.DataType.DOUBLE.getNumber())
            .addDoubleData(value));
  }

  /** A boolean scalar. */
  Value truth(boolean value) {
    return constant(
        "truth_" + value,
        TensorProto.newBuilder()
            .setDataType(TensorProto.DataType.BOOL.getNumber())
            .addInt32Data(value ? 1 : 0));
  }

  private Value constant(String name, TensorProto.Builder tensor) {
    return constants.computeIfAbsent(
        name,
        key -> {
          // No graph may have a name that one around it has.
          String unique = root == this ? key : key + "_" + counter.getAndIncrement();
          graph.addInitializer(tensor.setName(unique));
          return new Value(unique);
        });
  }

  /**
   * A weight as numbers of {@code wanted} type, read by the runtime from the very file that holds
   * it. Where the file has another type, the runtime converts it when it loads the graph.
   *
   * @throws PolyphonyException DATA where its type or place in the file cannot be read that way
   */
  Value weight(Weights.Tensor tensor, ElementType wanted) {
    ElementType type =
        switch (tensor.type()) {
          case "F32" -> ElementType.FLOAT;
          case "F16" -> ElementType.FLOAT16;
          case "BF16" -> ElementType.BFLOAT16;
          default ->
              throw PolyphonyException.data(
                  tensor.file()
                      + ": tensor "
                      + tensor.name()
                      + " has type "
                      + tensor.type()
                      + "; export the model with F32, F16 or BF16 weights");
        };
    if (tensor.offset() % (tensor.type().equals("F32") ? 4 : 2) != 0) {
      throw PolyphonyException.data(
          tensor.file()
              + ": tensor "
              + tensor.name()
              + " starts at byte "
              + tensor.offset()
              + ", which is not a multiple of its element size; write the file again with the"
              + " safetensors library");
    }
    TensorProto.Builder external =
        TensorProto.newBuilder()
            .setName(tensor.name())
            .setDataType(type.onnx.getNumber())
            .addAllDims(LongStream.of(tensor.shape()).boxed().toList())
            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
            .addExternalData(
                entry("location", OnnxSession.realPath(tensor.file()).getFileName().toString()))
            .addExternalData(entry("offset", Long.toString(tensor.offset())))
            .addExternalData(entry("length", Long.toString(tensor.bytes())));
    Value stored = root.constant(tensor.name(), external);
    return type == wanted ? stored : root.cast(stored, wanted);
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  /** One output of an operator without attributes. */
  Value apply(String operator, Value... inputs) {
    return operator(operator).of(inputs);
  }

  Value cast(Value value, ElementType type) {
    return operator("Cast").with("to", type.onnx.getNumber()).of(value);
  }

  /** Reduction over one axis, which stays with length 1. */
  Value reduce(String operator, Value value, long axis) {
    return operator(operator).with("keepdims", 1).of(value, integers(axis));
  }

  /** Whether any element is true, as a scalar. Sums of floats are what CUDA needs no cuDNN for. */
  Value any(Value truths) {
    Value sum = operator("ReduceSum").with("keepdims", 0).of(cast(truths, ElementType.FLOAT));
    return cast(sum, ElementType.BOOL);
  }

  /** The length of one axis, as a scalar. */
  Value length(Value value, int axis) {
    Value shape = operator("Shape").with("start", axis).with("end", axis + 1).of(value);
    return apply("Squeeze", shape);
  }

  /**
   * Rows of a {@code [batch, columns, width]} tensor: row r is {@code [r / columns, r % columns]}.
   */
  Value rowsOf(Value value, Value rows) {
    Value width = operator("Shape").with("start", 2).of(value);
    Value shape = operator("Concat").with("axis", 0).of(integers(-1), width);
    return apply("Gather", apply("Reshape", value, shape), rows);
  }

  /** An operator that is about to be applied. */
  Operator operator(String name) {
    return new Operator(name);
  }

  /** An operator with its attributes. */
  final class Operator {
    private final NodeProto.Builder node;

    private Operator(String name) {
      node = NodeProto.newBuilder().setOpType(name);
    }

    Operator in(String domain) {
      node.setDomain(domain);
      return this;
    }

    Operator with(String attribute, long value) {
      node.addAttribute(
          AttributeProto.newBuilder()
              .setName(attribute)
              .setType(AttributeProto.AttributeType.INT)
              .setI(value));
      return this;
    }

    Operator with(String attribute, long first, long second, long... others) {
      node.addAttribute(
          AttributeProto.newBuilder()
              .setName(attribute)
              .setType(AttributeProto.AttributeType.INTS)
              .addInts(first)
              .addInts(second)
              .addAllInts(LongStream.of(others).boxed().toList()));
      return this;
    }

    Operator with(String attribute, float value) {
      node.addAttribute(
          AttributeProto.newBuilder()
              .setName(attribute)
              .setType(AttributeProto.AttributeType.FLOAT)
              .setF(value));
      return this;
    }

    Operator with(String attribute, String value) {
      node.addAttribute(
          AttributeProto.newBuilder()
              .setName(attribute)
              .setType(AttributeProto.AttributeType.STRING)
              .setS(ByteString.copyFromUtf8(value)));
      return this;
    }

    Operator with(String attribute, GraphBuilder body) {
      node.addAttribute(
          AttributeProto.newBuilder()
              .setName(attribute)
              .setType(AttributeProto.AttributeType.GRAPH)
              .setG(body.graph));
      return this;
    }

    Value of(Value... inputs) {
      return outputs(1, inputs).get(0);
    }

    List<Value> outputs(int count, Value... inputs) {
      String name = node.getOpType() + "_" + counter.getAndIncrement();
      node.setName(name);
      for (Value input : inputs) {
        node.addInput(input.name());
      }
      List<Value> outputs = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        outputs.add(new Value(count == 1 ? name : name + "_" + i));
        node.addOutput(outputs.get(i).name());
      }
      graph.addNode(node);
      return outputs;
    }
  }

  /** The finished model; only the outermost graph has one. */
  ModelProto model() {
    if (root != this) {
      throw new IllegalStateException("a subgraph is not a model");
    }
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .setProducerName("polyphony")
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(CONTRIB).setVersion(1))
        .setGraph(graph)
        .build();
  }
}
