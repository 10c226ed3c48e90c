package polyphony.activities.lm.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDScope;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TransformersParityTest;
import polyphony.activities.lm.Weights;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class TorchDecoderTest {
  @TempDir Path folder;

  @ParameterizedTest
  @MethodSource("polyphony.activities.lm.torch.TorchTrainerTest#configurations")
  void theScriptEqualsPlainOperationsInLossAndEveryGradient(DecoderConfig config) {
    LanguageModel model = TinyModels.random(folder, config, 11);
    assertEqualToPlainOperations(config, model.weights(), TorchTrainerTest.examples(12, 5));
  }

  @ParameterizedTest
  @MethodSource("polyphony.activities.lm.TransformersParityTest#trainable")
  void itDoesSoForEveryArchitecture(String variant) {
    Path fixture = TransformersParityTest.FIXTURES.resolve(variant);
    assertEqualToPlainOperations(
        DecoderConfig.read(fixture.resolve("config.json")),
        Weights.openFolder(fixture),
        TorchTrainerTest.examples(12, 5));
  }

  /** In 16 bits a file holds it in 1 GiB and a half. */
  @Test
  void aWeightThatNoBufferHoldsIsRefusedBeforeMemoryIsTaken() {
    assertThatThrownBy(() -> TorchDecoder.array(null, new long[] {1 << 18, 3 << 10}, into -> {}))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining("[262144, 3072] numbers is larger than 2 GiB as 32-bit floats");
  }

  @Test
  void aDecoderWithPartsThatTheScriptLacksIsRefused() {
    DecoderConfig gemma =
        DecoderConfig.read(TransformersParityTest.FIXTURES.resolve("gemma2/config.json"));
    assertThatThrownBy(() -> DecoderScript.archive(gemma, Optional.empty(), Precision.FLOAT32))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.DATA))
        .hasMessageContaining("Gemma2ForCausalLM");
  }

  private static void assertEqualToPlainOperations(
      DecoderConfig config, Weights weightsOnDisk, List<TrainingExample> examples) {
    MicroBatch batch = MicroBatch.cut(examples, 1000, 1).get(0);
    TorchEngine.prepareThread(true);
    try (PtNDManager manager = TorchEngine.newManager();
        TorchDecoder decoder = new TorchDecoder(manager, config);
        NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      List<PtNDArray> weights = new ArrayList<>();
      config
          .weightShapes()
          .forEach(
              (name, shape) ->
                  weights.add(
                      TorchDecoder.array(
                          manager, shape, into -> weightsOnDisk.floats(name, into))));
      List<PtNDArray> leaves = TorchDecoder.leaves(weights);
      Map<String, PtNDArray> named = new LinkedHashMap<>();
      for (String name : config.weightShapes().keySet()) {
        named.put(name, TorchDecoder.leaf(weights.get(named.size())));
      }
      PtNDArray share = (PtNDArray) manager.create(1f / batch.targets().length);

      PtNDArray loss = decoder.loss(leaves, batch, new long[0]);
      JniUtils.backward(loss, share, false, false);
      PtNDArray plain = (PtNDArray) new PlainDecoder(config, named).loss(manager, batch);
      JniUtils.backward(plain, share, false, false);

      assertThat(loss.getFloat()).isCloseTo(plain.getFloat(), within(1e-3f));
      int index = 0;
      for (Map.Entry<String, PtNDArray> each : named.entrySet()) {
        assertThat(JniUtils.getGradient(leaves.get(index++)).toFloatArray())
            .as(each.getKey())
            .containsExactly(JniUtils.getGradient(each.getValue()).toFloatArray(), within(1e-5f));
      }
    }
  }
}
