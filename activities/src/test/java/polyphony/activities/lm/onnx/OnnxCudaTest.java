package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtProvider;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.cuda.NativeCudaProbe;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class OnnxCudaTest {
  @TempDir private Path folder;

  @Test
  void anArenaIsBoundedAndProductsAreInFullPrecision() {
    OnnxCuda cuda = new OnnxCuda(1, 5_000_000_000L, false);
    assertThat(cuda.providerOptions())
        .isEqualTo(
            Map.of(
                "gpu_mem_limit", "5000000000",
                "arena_extend_strategy", "kNextPowerOfTwo",
                "do_copy_in_default_stream", "1",
                "use_tf32", "0"));
    assertThat(cuda.shrinkage()).isEqualTo("cpu:0;gpu:1");
    assertThat(OnnxOptions.DEFAULT.cuda()).isEmpty();
    assertThat(OnnxOptions.DEFAULT.on(cuda).cuda()).contains(cuda);
  }

  @Test
  void aBuildWithoutCudaSaysSoAndDoesNotFallBack() {
    assumeFalse(
        OrtEnvironment.getAvailableProviders().contains(OrtProvider.CUDA)
            && new NativeCudaProbe(System.getenv()).finds("libcuda.so.1"),
        "left out: here CUDA may be there");
    OnnxOptions options = OnnxOptions.DEFAULT.on(new OnnxCuda(0, 1 << 30, false));
    assertThatThrownBy(() -> new OnnxSampler(TinyModels.untied(folder), options))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE))
        .hasMessageContaining("cannot be loaded");
  }
}
