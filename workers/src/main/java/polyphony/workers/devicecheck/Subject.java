package polyphony.workers.devicecheck;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.onnx.GraphVariant;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxSampler;
import polyphony.activities.lm.onnx.OnnxScorer;
import polyphony.activities.lm.torch.Precision;
import polyphony.activities.lm.torch.TorchBases;
import polyphony.activities.lm.torch.TorchTrainer;
import polyphony.workers.NativeRuntime;
import polyphony.workers.devicecheck.Finding.Fact;

/**
 * What is looked at. On a GPU: what steps compute with there. On the CPU, where that would be the
 * reference itself: the forms that GPUs compute in, as far as the CPU has them, which is grouped
 * attention in 32-bit floats for sampling, and bfloat16 for training.
 */
final class Subject implements AutoCloseable {
  private static final GraphVariant GROUPED =
      new GraphVariant(GraphVariant.Attention.GROUPED, GraphVariant.Precision.FLOAT32);

  private final NativeRuntime runtime;
  private final PeakMemory memory;

  Subject(NativeRuntime runtime) {
    this.runtime = runtime;
    this.memory =
        onGpu() ? PeakMemory.ofGpu(runtime.memory(), runtime::freeBytes) : PeakMemory.ofProcess();
  }

  boolean onGpu() {
    return runtime.device() instanceof Device.Cuda;
  }

  Device device() {
    return runtime.device();
  }

  Arithmetic arithmetic() {
    return runtime.arithmetic();
  }

  /** Device, driver and libraries. */
  List<Fact> facts() {
    Map<String, String> facts = new LinkedHashMap<>(runtime.description());
    facts.putAll(runtime.versions());
    return facts.entrySet().stream().map(each -> new Fact(each.getKey(), each.getValue())).toList();
  }

  /** How far sampling and scoring may be from the reference. */
  Tolerance tolerance() {
    return arithmetic() == Arithmetic.CUDA_BFLOAT16 ? Tolerance.BFLOAT16 : Tolerance.FLOAT32;
  }

  /** Bytes of a weight and of a number in the cache, where nothing is trained. */
  int elementBytes() {
    return arithmetic() == Arithmetic.CUDA_BFLOAT16 ? Short.BYTES : Float.BYTES;
  }

  /** In what steps train there, or could. */
  Precision training() {
    return arithmetic() == Arithmetic.CUDA_FLOAT32 ? Precision.FLOAT32 : Precision.BFLOAT16;
  }

  /** As people call it. */
  static String name(Precision precision) {
    return precision == Precision.BFLOAT16 ? "bf16" : "fp32";
  }

  /** How ONNX Runtime computes. */
  OnnxOptions options() {
    return onGpu() ? runtime.options() : OnnxOptions.DEFAULT.with(GROUPED);
  }

  Sampler sampler(LanguageModel model) {
    return new OnnxSampler(model, options());
  }

  Scorer scorer(LanguageModel model) {
    return new OnnxScorer(model, options());
  }

  Trainer trainer(
      LanguageModel model,
      TrainingBatches batches,
      TrainingSettings settings,
      Optional<Path> state,
      Precision precision) {
    return new TorchTrainer(
        model, batches, settings, state, TorchBases.shared(device(), precision));
  }

  /** The most memory of the device that this process took so far; null where nobody tells. */
  Long peakBytes() {
    return memory.bytes();
  }

  @Override
  public void close() {
    memory.close();
  }
}
