package polyphony.workers;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.AvailableMemory;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.Encoder;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.NativeEnvironment;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.cuda.CudaRequirements;
import polyphony.activities.lm.cuda.Gpu;
import polyphony.activities.lm.cuda.NativeCudaProbe;
import polyphony.activities.lm.onnx.GraphVariant;
import polyphony.activities.lm.onnx.OnnxCuda;
import polyphony.activities.lm.onnx.OnnxEncoder;
import polyphony.activities.lm.onnx.OnnxEnvironment;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxSampler;
import polyphony.activities.lm.onnx.OnnxScorer;
import polyphony.activities.lm.torch.Precision;
import polyphony.activities.lm.torch.TorchBases;
import polyphony.activities.lm.torch.TorchEngine;
import polyphony.activities.lm.torch.TorchTrainer;

/**
 * Samples and scores with ONNX Runtime, trains with libtorch; each call on one thread. Adapters
 * over one base are trained over one copy of it, which remains for the next until its memory is
 * needed; so a step in a process of its own loads it anew.
 */
public final class NativeRuntime implements LanguageModelRuntime {
  private final ChosenDevice device;
  private final int slots;
  private final TorchBases bases;

  /**
   * One that has all of the memory.
   *
   * @param device as {@code --device} names it
   * @throws polyphony.storage.PolyphonyException where that cannot be used
   */
  public static NativeRuntime on(String device, boolean deterministic) {
    Settings settings =
        Settings.of(
                Map.of(Setting.DETERMINISTIC.variable(), Boolean.toString(deterministic)),
                Runtime.getRuntime().availableProcessors())
            .withDevice(device);
    return new NativeRuntime(ChosenDevice.of(settings, new NativeCudaProbe(System.getenv())));
  }

  /** One that has all of the memory. */
  NativeRuntime(ChosenDevice device) {
    this(device, 1);
  }

  /**
   * @param slots steps that run at the same time: each may take as much memory as the others
   */
  NativeRuntime(ChosenDevice device, int slots) {
    this.device = device;
    this.slots = slots;
    this.bases = TorchBases.shared(device.device(), precision());
    if (device.gpu().isPresent()) {
      // GPUs are numbered as nvidia-smi and the driver's library number them: in another order the
      // one that was checked, and is recorded, would not be the one that computes.
      NativeEnvironment.override("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
      // DJL goes by the CUDA that it finds, and takes a libtorch for the CPU where that is older
      // than what it has one for.
      if (System.getProperty("PYTORCH_FLAVOR") == null) {
        System.setProperty("PYTORCH_FLAVOR", CudaRequirements.FLAVOUR);
      }
    }
  }

  @Override
  public Arithmetic arithmetic() {
    return device.arithmetic();
  }

  private Precision precision() {
    return arithmetic() == Arithmetic.CUDA_BFLOAT16 ? Precision.BFLOAT16 : Precision.FLOAT32;
  }

  public Device device() {
    return device.device();
  }

  /** The GPU and its driver, for people; why it is the CPU where that was left open. */
  public Map<String, String> description() {
    Map<String, String> description = new TreeMap<>();
    device.gpu().ifPresent(each -> description.put("device", each.name()));
    device.line().ifPresent(each -> description.putIfAbsent("device", each));
    description.putAll(device.beside());
    return description;
  }

  /** Bytes of the GPU's memory that nobody has taken now. */
  public long freeBytes() {
    return new NativeCudaProbe(System.getenv())
        .driver()
        .orElseThrow()
        .gpus()
        .get(device.gpu().orElseThrow().index())
        .freeBytes();
  }

  @Override
  public long memory() {
    // What was free of a GPU before anything was loaded: what is loaded since is this process's.
    return device.gpu().map(Gpu::freeBytes).orElseGet(AvailableMemory::bytes) / slots;
  }

  /** How ONNX Runtime computes here. */
  public OnnxOptions options() {
    return device
        .gpu()
        .map(
            gpu ->
                OnnxOptions.DEFAULT
                    .with(GraphVariant.of(arithmetic()))
                    .on(new OnnxCuda(gpu.index(), Math.max(1, memory()), device.deterministic())))
        .orElse(OnnxOptions.DEFAULT);
  }

  @Override
  public void requireRoom(MemoryPlan plan) {
    bases.makeRoom(plan.bytes(), memory());
    plan.requireFits(memory());
  }

  @Override
  public Sampler sampler(List<LanguageModel> models) {
    return new OnnxSampler(models, options());
  }

  @Override
  public Scorer scorer(List<LanguageModel> models) {
    return new OnnxScorer(models, options());
  }

  @Override
  public Encoder encoder(EncoderModel model) {
    return new OnnxEncoder(model, options());
  }

  @Override
  public Trainer trainer(
      LanguageModel model,
      TrainingBatches batches,
      TrainingSettings settings,
      Optional<Path> state) {
    if (device.gpu().isPresent() && device.deterministic()) {
      TorchEngine.computeDeterministically();
    }
    return new TorchTrainer(model, batches, settings, state, bases);
  }

  @Override
  public Map<String, String> versions() {
    Map<String, String> versions = new TreeMap<>();
    versions.put("onnxruntime", OnnxEnvironment.version());
    versions.put("libtorch", TorchEngine.version());
    versions.putAll(device.versions());
    return versions;
  }
}
