package polyphony.activities.lm.onnx;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.NativeWork;
import polyphony.activities.lm.Weights;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** One loaded graph, with ONNX Runtime's errors turned into ours. */
final class OnnxSession implements AutoCloseable {
  /** What the provider's own checks say, and what the loader says of its library. */
  private static final Pattern GPU_FAILURE =
      Pattern.compile(
          "(CUDA|CUBLAS|CUDNN|CURAND)[ _](failure|error)|libonnxruntime_providers_cuda",
          Pattern.CASE_INSENSITIVE);

  private final OrtEnvironment environment = OnnxEnvironment.environment();
  private final OrtSession session;
  private final String shrinkage;
  private final Inputs kept = new Inputs();

  /**
   * @param weightsFolder where the files of the model's external data lie
   * @throws PolyphonyException OUT_OF_MEMORY where the weights do not fit; INFRASTRUCTURE where the
   *     GPU cannot be used
   */
  OnnxSession(ModelProto model, Path weightsFolder, OnnxOptions options) {
    this(model, weightsFolder, options, Optional.empty());
  }

  /**
   * @param optimized where to write the graph as the runtime runs it
   */
  private OnnxSession(
      ModelProto model, Path weightsFolder, OnnxOptions options, Optional<Path> optimized) {
    shrinkage = options.cuda().map(OnnxCuda::shrinkage).orElse("cpu:0");
    try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
      settings.setIntraOpNumThreads(options.threads());
      settings.setInterOpNumThreads(1);
      settings.setExecutionMode(OrtSession.SessionOptions.ExecutionMode.SEQUENTIAL);
      settings.addConfigEntry("session.intra_op.allow_spinning", "0");
      settings.addConfigEntry("session.inter_op.allow_spinning", "0");
      settings.addConfigEntry(
          "session.model_external_initializers_file_folder_path", weightsFolder.toString());
      // Shapes change with every batch and every step: a remembered layout never fits again.
      settings.setMemoryPatternOptimization(false);
      if (options.cuda().isPresent()) {
        options.cuda().get().addTo(settings);
      }
      if (optimized.isPresent()) {
        settings.setOptimizedModelFilePath(optimized.get().toString());
        // It warns that the file is good for this machine alone.
        settings.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
      }
      session = NativeWork.guarded(() -> environment.createSession(model.toByteArray(), settings));
    } catch (OrtException e) {
      throw failure("the model's graph cannot be loaded", e);
    }
  }

  /**
   * Emits a graph over {@code model}'s weights and loads it, with the adapters' matrices.
   *
   * @throws PolyphonyException DATA where a weight cannot be used; OUT_OF_MEMORY
   */
  static OnnxSession open(
      LanguageModel model, AdapterStack adapters, Emission emit, OnnxOptions options) {
    OnnxSession session =
        open(
            model.folder(),
            model.weights(),
            () -> emit.graph(model.config(), model.weights(), adapters, options.variant()),
            options);
    try {
      adapters.addMatrices(session.kept);
      return session;
    } catch (RuntimeException | Error e) {
      session.close();
      throw e;
    }
  }

  /** One of {@link DecoderGraph}'s graphs. */
  interface Emission {
    ModelProto graph(
        DecoderConfig config, Weights weights, AdapterStack adapters, GraphVariant variant);
  }

  /** The same for a model of any kind in {@code folder}. */
  static OnnxSession open(
      Path folder, Weights weights, Supplier<ModelProto> graph, OnnxOptions options) {
    Path weightsFolder = weightsFolder(folder, weights);
    return new OnnxSession(graph.get(), weightsFolder, options);
  }

  /**
   * The graph as the runtime runs it: without what it computes beforehand, with what it adds.
   *
   * @throws PolyphonyException as {@link #open} does; INFRASTRUCTURE where there is no room for it
   */
  static ModelProto optimized(
      LanguageModel model, AdapterStack adapters, Emission emit, OnnxOptions options) {
    ModelProto graph = emit.graph(model.config(), model.weights(), adapters, options.variant());
    Path file = null;
    try {
      file = Files.createTempFile("polyphony-graph", ".onnx");
      new OnnxSession(
              graph, weightsFolder(model.folder(), model.weights()), options, Optional.of(file))
          .close();
      return ModelProto.parseFrom(Files.readAllBytes(file));
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          "the graph cannot be written to a temporary file and read again; is the disk full?", e);
    } finally {
      delete(file);
    }
  }

  private static void delete(Path file) {
    try {
      if (file != null) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(file + ": cannot be deleted", e);
    }
  }

  private static Path weightsFolder(Path folder, Weights weights) {
    Set<Path> folders =
        weights.tensors().values().stream()
            .map(tensor -> realPath(tensor.file()).getParent())
            .collect(Collectors.toSet());
    if (folders.size() != 1) {
      throw PolyphonyException.data(
          folder + ": the weight files must lie in one folder, not in " + folders);
    }
    return folders.iterator().next();
  }

  /** A model folder may hold symbolic links into a store; the runtime follows real paths alone. */
  static Path realPath(Path file) {
    try {
      return file.toRealPath();
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(file + ": cannot be found any more", e);
    }
  }

  /** Inputs by name, freed together. */
  final class Inputs implements AutoCloseable {
    private final Map<String, OnnxTensor> tensors = new LinkedHashMap<>();

    Inputs integers(String name, long[] values, long... shape) {
      return put(name, () -> OnnxTensor.createTensor(environment, LongBuffer.wrap(values), shape));
    }

    Inputs floats(String name, float[] values, long... shape) {
      return floats(name, FloatBuffer.wrap(values), shape);
    }

    /** A direct buffer is used as it is. */
    Inputs floats(String name, FloatBuffer values, long... shape) {
      return put(name, () -> OnnxTensor.createTensor(environment, values, shape));
    }

    Inputs doubles(String name, double[] values, long... shape) {
      return put(
          name, () -> OnnxTensor.createTensor(environment, DoubleBuffer.wrap(values), shape));
    }

    Inputs real(String name, float value) {
      return put(name, () -> OnnxTensor.createTensor(environment, value));
    }

    Inputs truth(String name, boolean value) {
      return put(name, () -> OnnxTensor.createTensor(environment, value));
    }

    private interface Creation {
      OnnxTensor create() throws OrtException;
    }

    private Inputs put(String name, Creation creation) {
      try {
        tensors.put(name, creation.create());
        return this;
      } catch (OrtException e) {
        close();
        throw failure("input " + name + " cannot be created", e);
      }
    }

    @Override
    public void close() {
      tensors.values().forEach(OnnxTensor::close);
      tensors.clear();
    }
  }

  /** Of one run, beside those of every run. */
  Inputs inputs() {
    return new Inputs();
  }

  /** What becomes of the memory that a run took. */
  enum Memory {
    /** The next run finds it ready: right for one session that works all the time. */
    KEPT,
    /** It goes back when the run is over: right where several sessions are open and take turns. */
    GIVEN_BACK
  }

  /**
   * Runs the graph and hands its outputs to {@code read}; they are freed afterwards.
   *
   * @throws PolyphonyException OUT_OF_MEMORY where the batch does not fit
   */
  <T> T run(Inputs inputs, Memory memory, Function<Outputs, T> read) {
    Map<String, OnnxTensor> tensors = new HashMap<>(kept.tensors);
    tensors.putAll(inputs.tensors);
    try (OrtSession.RunOptions settings = new OrtSession.RunOptions()) {
      if (memory == Memory.GIVEN_BACK) {
        settings.addRunConfigEntry("memory.enable_memory_arena_shrinkage", shrinkage);
      }
      try (OrtSession.Result result =
          NativeWork.interruptible(
              () -> terminate(settings), () -> session.run(tensors, settings))) {
        return read.apply(new Outputs(result));
      }
    } catch (OrtException e) {
      throw failure("the model's graph cannot be run", e);
    }
  }

  /** Makes a run end at its next operation. */
  private static void terminate(OrtSession.RunOptions settings) {
    try {
      settings.setTerminate(true);
    } catch (OrtException e) {
      throw failure("a run cannot be ended", e);
    }
  }

  /** The outputs of one run. */
  record Outputs(OrtSession.Result result) {
    long[] shape(String name) {
      return tensor(name).getInfo().getShape();
    }

    /** A copy of the values. */
    long[] integers(String name) {
      return tensor(name).getLongBuffer().array();
    }

    /** A copy of the values, to be read from its start. */
    FloatBuffer floats(String name) {
      return tensor(name).getFloatBuffer();
    }

    private OnnxTensor tensor(String name) {
      return (OnnxTensor) result.get(name).orElseThrow();
    }
  }

  /** A session that is closed twice, or used after, is a defect of the caller. */
  @Override
  public void close() {
    try {
      NativeWork.guarded(
          () -> {
            session.close();
            kept.close();
            return null;
          });
    } catch (OrtException e) {
      throw failure("the session cannot be closed", e);
    }
  }

  /**
   * Visible for the tests: memory is told apart by the message, as the runtime has no code for it.
   */
  static PolyphonyException failure(String what, OrtException e) {
    String message = String.valueOf(e.getMessage());
    String lower = message.toLowerCase(Locale.ROOT);
    if (lower.contains("bad allocation")
        || lower.contains("bad_alloc")
        || lower.contains("failed to allocate memory")
        || lower.contains("out of memory")
        || lower.contains("cublas_status_alloc_failed")
        || lower.contains("available memory of")) {
      return new PolyphonyException(
          ErrorClass.OUT_OF_MEMORY,
          what + ": out of memory; use smaller batches (" + message + ")",
          e);
    }
    if (GPU_FAILURE.matcher(message).find()) {
      return PolyphonyException.infrastructure(
          what
              + ": the GPU or its driver failed; another attempt needs a new process (see nvidia-smi"
              + " and dmesg if it fails again): "
              + message,
          e);
    }
    ErrorClass errorClass =
        switch (e.getCode()) {
          case ORT_NO_SUCHFILE, ORT_ENGINE_ERROR, ORT_EP_FAIL, ORT_DEVICE_RESET ->
              ErrorClass.INFRASTRUCTURE;
          default -> ErrorClass.BUG;
        };
    return new PolyphonyException(
        errorClass, what + ": ONNX Runtime reports " + e.getCode() + " (" + message + ")", e);
  }
}
