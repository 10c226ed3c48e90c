package polyphony.workers;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import polyphony.activities.lm.AvailableMemory;
import polyphony.activities.lm.Encoder;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.onnx.OnnxEncoder;
import polyphony.activities.lm.onnx.OnnxEnvironment;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxSampler;
import polyphony.activities.lm.onnx.OnnxScorer;
import polyphony.activities.lm.torch.Precision;
import polyphony.activities.lm.torch.TorchBases;
import polyphony.activities.lm.torch.TorchEngine;
import polyphony.activities.lm.torch.TorchTrainer;

/** Samples and scores with ONNX Runtime, trains with libtorch; each call on one thread. */
public final class NativeRuntime implements LanguageModelRuntime {
  private final int slots;
  private final Precision training;
  private final TorchBases bases = TorchBases.shared();

  /** One that has all of the memory. */
  public NativeRuntime() {
    this(1);
  }

  /** The same, training in another precision. */
  public NativeRuntime(Precision training) {
    this(1, training);
  }

  /**
   * @param slots steps that run at the same time: each may take as much memory as the others
   */
  NativeRuntime(int slots) {
    this(slots, Precision.FLOAT32);
  }

  private NativeRuntime(int slots, Precision training) {
    this.slots = slots;
    this.training = training;
  }

  @Override
  public long memory() {
    return AvailableMemory.bytes() / slots;
  }

  @Override
  public void requireRoom(MemoryPlan plan) {
    if (plan.bytes() + bases.idleBytes() > memory()) {
      bases.giveUpIdle();
    }
    plan.requireFits(memory());
  }

  @Override
  public Sampler sampler(List<LanguageModel> models) {
    return new OnnxSampler(models, OnnxOptions.DEFAULT);
  }

  @Override
  public Scorer scorer(List<LanguageModel> models) {
    return new OnnxScorer(models, OnnxOptions.DEFAULT);
  }

  @Override
  public Encoder encoder(EncoderModel model) {
    return new OnnxEncoder(model, OnnxOptions.DEFAULT);
  }

  @Override
  public Trainer trainer(
      LanguageModel model,
      TrainingBatches batches,
      TrainingSettings settings,
      Optional<Path> state) {
    return new TorchTrainer(model, batches, settings, state, bases, training);
  }

  @Override
  public Map<String, String> versions() {
    return Map.of(
        "onnxruntime", OnnxEnvironment.version(),
        "libtorch", TorchEngine.version());
  }
}
