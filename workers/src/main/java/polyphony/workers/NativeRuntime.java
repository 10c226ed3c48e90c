package polyphony.workers;

import ai.onnxruntime.OrtEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxSampler;
import polyphony.activities.lm.onnx.OnnxScorer;
import polyphony.activities.lm.torch.TorchEngine;
import polyphony.activities.lm.torch.TorchTrainer;
import polyphony.storage.PolyphonyException;

/** Samples and scores with ONNX Runtime, trains with libtorch; each call on one thread. */
final class NativeRuntime implements LanguageModelRuntime {
  /** ONNX Runtime 1.29 reads the process's command line into 4096 bytes, and past their end. */
  private static final int LONGEST_COMMAND_LINE = 4000;

  /**
   * @throws PolyphonyException CONFIG where the native library would take the process down
   */
  NativeRuntime() {
    try {
      int bytes = Files.readAllBytes(Path.of("/proc/self/cmdline")).length;
      if (bytes > LONGEST_COMMAND_LINE) {
        throw PolyphonyException.config(
            "the command line has "
                + bytes
                + " bytes, which crashes ONNX Runtime above 4096; shorten it, for example with the"
                + " class path in the variable CLASSPATH");
      }
    } catch (IOException e) {
      // Not Linux: there is no such limit to keep.
      return;
    }
  }

  @Override
  public Sampler sampler(LanguageModel model) {
    return new OnnxSampler(model, OnnxOptions.DEFAULT);
  }

  @Override
  public Scorer scorer(LanguageModel model) {
    return new OnnxScorer(model, OnnxOptions.DEFAULT);
  }

  @Override
  public Trainer trainer(
      LanguageModel model,
      TrainingBatches batches,
      TrainingSettings settings,
      Optional<Path> state) {
    return new TorchTrainer(model, batches, settings, state);
  }

  @Override
  public Map<String, String> versions() {
    return Map.of(
        "onnxruntime", OrtEnvironment.getEnvironment().getVersion(),
        "libtorch", TorchEngine.version());
  }
}
