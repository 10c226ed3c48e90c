package polyphony.activities.lm.torch;

import ai.djl.Device;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.RotaryPositions;
import polyphony.activities.lm.Weights;
import polyphony.storage.PolyphonyException;

/**
 * {@link DecoderScript}, compiled: the decoder of one {@link DecoderConfig} as functions of its
 * weights. It has no weights itself. Results belong to the innermost {@code NDScope} of the calling
 * thread. Not for several threads at once.
 *
 * <p>Lists of weights are in the order of {@link DecoderConfig#weightShapes}, then {@link
 * AdapterConfig#weightShapes} where there is an adapter.
 */
final class TorchDecoder implements AutoCloseable {
  /** DJL's binding makes one list of the arrays that are called this. */
  private static final String LIST_NAME = "weights[]";

  private final PtNDManager manager;
  private final RotaryPositions rotary;
  private final int pairs;
  private final int blocks;
  private final PtSymbolBlock module;

  TorchDecoder(PtNDManager manager, DecoderConfig config) {
    this(manager, config, Optional.empty(), Precision.FLOAT32);
  }

  /**
   * @throws PolyphonyException DATA for a decoder with parts that the script lacks
   */
  TorchDecoder(
      PtNDManager manager,
      DecoderConfig config,
      Optional<AdapterConfig> adapter,
      Precision precision) {
    this.manager = manager;
    this.rotary = config.rotary();
    this.pairs = config.headSize() / 2;
    this.blocks = config.layers();
    try {
      byte[] archive = DecoderScript.archive(config, adapter, precision).bytes();
      module = JniUtils.loadModule(manager, new ByteArrayInputStream(archive), false, false);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The sum of the negative log-likelihoods of the batch's targets, in nats: a scalar with its
   * autograd graph, where the thread records one.
   *
   * @param weights that are called {@link #LIST_NAME}, as {@link #leaf} and {@link #frozen} do
   * @param seeds of dropout, one for each layer with an adapter; none for no dropout
   */
  PtNDArray loss(List<PtNDArray> weights, MicroBatch batch, long[] seeds) {
    return call("forward", weights, inputs(batch, seeds));
  }

  /**
   * Adds the gradients of {@link #loss} to those of the weights that collect them. Only the blocks'
   * inputs are kept on the way; each block is computed again for its gradient.
   *
   * @param share what the loss is multiplied by
   * @param embedding whether the first weight, the embedding, is one that collects
   * @return the loss, without its factor
   */
  float backward(
      List<PtNDArray> weights, MicroBatch batch, long[] seeds, float share, boolean embedding) {
    List<PtNDArray> inputs = inputs(batch, seeds);
    PtNDArray tokens = inputs.get(0);
    Deque<PtNDArray> entries = new ArrayDeque<>();
    JniUtils.setGradMode(false);
    try {
      entries.push(call("embedded", weights, List.of(tokens)));
      for (int block = 0; block < blocks - 1; block++) {
        entries.push(call("layer", weights, layerInputs(inputs, entries.peek(), block)));
      }
    } finally {
      JniUtils.setGradMode(true);
    }
    float loss;
    PtNDArray upstream;
    try (NDScope scope = new NDScope();
        PtNDArray last = entries.pop()) {
      scope.suppressNotUsedWarning();
      PtNDArray entry = collecting(last);
      List<PtNDArray> all = new ArrayList<>(inputs);
      all.add(entry);
      PtNDArray sum = call("end", weights, all);
      JniUtils.backward(sum, (PtNDArray) manager.create(share), false, false);
      loss = sum.getFloat();
      upstream = kept(JniUtils.getGradient(entry));
    }
    while (!entries.isEmpty()) {
      int block = entries.size() - 1;
      try (NDScope scope = new NDScope();
          PtNDArray input = entries.pop();
          PtNDArray after = upstream) {
        scope.suppressNotUsedWarning();
        boolean further = block > 0 || embedding;
        PtNDArray entry = further ? collecting(input) : input;
        PtNDArray output = call("layer", weights, layerInputs(inputs, entry, block));
        JniUtils.backward(output, after, false, false);
        upstream = further ? kept(JniUtils.getGradient(entry)) : null;
      }
    }
    try (NDScope scope = new NDScope();
        PtNDArray after = upstream) {
      scope.suppressNotUsedWarning();
      if (embedding) {
        JniUtils.backward(call("embedded", weights, List.of(tokens)), after, false, false);
      }
    }
    return loss;
  }

  private static PtNDArray collecting(PtNDArray input) {
    PtNDArray entry = JniUtils.detachGradient(input);
    JniUtils.attachGradient(entry, true);
    return entry;
  }

  /** Outlives the innermost scope; whoever asks closes it. */
  private static PtNDArray kept(PtNDArray array) {
    NDScope.unregister(array);
    return array;
  }

  private List<PtNDArray> layerInputs(List<PtNDArray> inputs, PtNDArray x, int block) {
    List<PtNDArray> all = new ArrayList<>(inputs);
    all.add(x);
    all.add(longs(new long[] {block}, 1));
    return all;
  }

  /** Tokens, positions, targets, frequencies, seeds. */
  private List<PtNDArray> inputs(MicroBatch batch, long[] seeds) {
    return List.of(
        longs(batch.tokens(), batch.rows(), batch.length()),
        longs(batch.positions(), batch.positions().length),
        longs(batch.targets(), batch.targets().length),
        frequencies(batch.textLengths()),
        longs(seeds, seeds.length));
  }

  /** Calls a method of the script that gives one array, with autograd where the thread records. */
  private PtNDArray call(String method, List<PtNDArray> weights, List<PtNDArray> arguments) {
    NDList all = new NDList(1 + weights.size() + arguments.size());
    // DJL's binding takes the method's name for no argument, and the first one's manager for the
    // result: that must be this decoder's, since weights may belong to others as well.
    PtNDArray name = longs(new long[] {0}, 1);
    name.setName("module_method:" + method);
    all.add(name);
    all.addAll(weights);
    all.addAll(arguments);
    return (PtNDArray) IValueUtils.forward(module, all, true).head();
  }

  /**
   * {@code [length - from, vocabulary]}: what follows each token of one text from position {@code
   * from} on, without autograd.
   */
  PtNDArray logits(List<PtNDArray> weights, int[] tokens, int from) {
    long[] positions = LongStream.range(from, tokens.length).toArray();
    return run(
            "logits",
            list(weights),
            tensor(longs(Arrays.stream(tokens).asLongStream().toArray(), 1, tokens.length)),
            tensor(longs(positions, positions.length)),
            tensor(frequencies(new int[] {tokens.length})),
            tensor(longs(new long[0], 0)))
        .toTensor(manager);
  }

  /**
   * {@code [rows, headSize / 2]}: by how much each pair of a head's entries turns from token to
   * token, 0 for those that do not; one row for all where texts of every length have the same.
   */
  private PtNDArray frequencies(int[] textLengths) {
    RotaryPositions turns = rotary.at(Arrays.stream(textLengths).max().orElseThrow());
    int rows = turns.regimes() == 1 ? 1 : textLengths.length;
    double[] exact = new double[rows * pairs];
    for (int row = 0; row < rows; row++) {
      double[] frequencies = turns.frequencies(turns.regime(textLengths[row]));
      System.arraycopy(frequencies, 0, exact, row * pairs, frequencies.length);
    }
    Shape shape = new Shape(rows, pairs);
    if (!turns.singlePrecision()) {
      return (PtNDArray) manager.create(exact, shape);
    }
    float[] rounded = new float[exact.length];
    for (int i = 0; i < exact.length; i++) {
      rounded[i] = (float) exact[i];
    }
    return (PtNDArray) manager.create(rounded, shape);
  }

  /**
   * A copy of a weight as products take it. Where that is bfloat16, DJL has no name for its type
   * and none of its own operations may see it: it is for {@link #loss} and its like alone. Whoever
   * asks closes it, or this decoder's manager does.
   */
  PtNDArray working(PtNDArray weight) {
    return kept(call("working", List.of(), List.of(weight)));
  }

  /** Adds {@code others} to {@code gradients}, in place. */
  void add(List<PtNDArray> gradients, List<PtNDArray> others) {
    run("add", list(gradients), list(others)).close();
  }

  /** The Euclidean norm of all entries of all {@code gradients} together. */
  double norm(List<PtNDArray> gradients) {
    try (IValue norm = run("norm", list(gradients));
        PtNDArray value = norm.toTensor(manager)) {
      return value.getFloat();
    }
  }

  /**
   * One step of AdamW, in place: PyTorch's, with epsilon added after the bias correction.
   *
   * @param step number of this step, from 1
   * @param scale the gradients are multiplied by this first, where it is below 1
   */
  void update(
      List<PtNDArray> weights,
      List<PtNDArray> gradients,
      List<PtNDArray> firstMoments,
      List<PtNDArray> secondMoments,
      int step,
      double scale,
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay) {
    try (PtNDArray stepNumber = (PtNDArray) manager.create((float) step)) {
      run(
              "update",
              list(weights),
              list(gradients),
              list(firstMoments),
              list(secondMoments),
              tensor(stepNumber),
              IValue.from(scale),
              IValue.from(learningRate),
              IValue.from(beta1),
              IValue.from(beta2),
              IValue.from(epsilon),
              IValue.from(weightDecay))
          .close();
    }
  }

  /** Calls a method without autograd, and releases the arguments. */
  private IValue run(String method, IValue... arguments) {
    try {
      return IValueUtils.runMethod(module, method, arguments);
    } finally {
      for (IValue argument : arguments) {
        argument.close();
      }
    }
  }

  private static IValue list(List<PtNDArray> arrays) {
    return IValue.listFrom(arrays.toArray(new PtNDArray[0]));
  }

  private static IValue tensor(PtNDArray array) {
    return IValue.from(array);
  }

  private PtNDArray longs(long[] values, long... shape) {
    return (PtNDArray) manager.create(values, new Shape(shape));
  }

  /**
   * An array whose memory {@code fill} writes, row-major. The memory is libtorch's own, which no
   * limit of the JVM bounds: a large model's embedding need not fit its heap or its direct buffers.
   *
   * @throws PolyphonyException DATA where a buffer cannot be as large
   */
  static PtNDArray array(PtNDManager manager, long[] shape, Consumer<FloatBuffer> fill) {
    if (!Weights.fitsBuffer(shape)) {
      throw PolyphonyException.data(
          "a weight of "
              + Arrays.toString(shape)
              + " numbers is larger than 2 GiB as 32-bit floats, the most that can be trained here;"
              + " use a smaller model");
    }
    PtNDArray array =
        JniUtils.createEmptyNdArray(
            manager, new Shape(shape), DataType.FLOAT32, Device.cpu(), SparseFormat.DENSE);
    fill.accept(values(array));
    if (!manager.getDevice().isGpu()) {
      return array;
    }
    try (array) {
      return array.toDevice(manager.getDevice(), true);
    }
  }

  /** The array's own memory, which is not a GPU's; for as long as the array is open. */
  static FloatBuffer values(PtNDArray array) {
    return JniUtils.getByteBuffer(array, true).order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  /** A leaf of an autograd graph that shares the memory of {@code weight} and has its own grad. */
  static PtNDArray leaf(PtNDArray weight) {
    PtNDArray leaf = JniUtils.detachGradient(weight);
    JniUtils.attachGradient(leaf, true);
    leaf.setName(LIST_NAME);
    return leaf;
  }

  /** An array of {@link #array} for a weight that collects no gradient, of any number of leaves. */
  static PtNDArray frozen(PtNDArray weight) {
    weight.setName(LIST_NAME);
    return weight;
  }

  static List<PtNDArray> leaves(List<PtNDArray> weights) {
    List<PtNDArray> leaves = new ArrayList<>();
    for (PtNDArray weight : weights) {
      leaves.add(leaf(weight));
    }
    return leaves;
  }

  @Override
  public void close() {
    module.close();
  }
}
