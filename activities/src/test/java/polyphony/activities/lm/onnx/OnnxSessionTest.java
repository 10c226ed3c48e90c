package polyphony.activities.lm.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.OrtException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;
import polyphony.activities.lm.onnx.GraphBuilder.Value;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class OnnxSessionTest {
  private static OnnxSession zeros() {
    GraphBuilder graph = new GraphBuilder("zeros");
    Value shape = graph.input("shape", ElementType.INT64, "rank");
    graph.output("zeros", graph.apply("ConstantOfShape", shape), ElementType.FLOAT, "n");
    return new OnnxSession(graph.model(), Path.of("."), OnnxOptions.DEFAULT);
  }

  @Test
  void aTensorThatDoesNotFitIsOutOfMemory() {
    try (OnnxSession session = zeros();
        OnnxSession.Inputs inputs = session.inputs().integers("shape", new long[] {1L << 48}, 1)) {
      assertThatThrownBy(
              () -> session.run(inputs, OnnxSession.Memory.KEPT, outputs -> outputs.shape("zeros")))
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY));
    }
  }

  @Test
  void aMissingInputIsADefect() {
    try (OnnxSession session = zeros();
        OnnxSession.Inputs inputs = session.inputs()) {
      assertThatThrownBy(
              () -> session.run(inputs, OnnxSession.Memory.KEPT, outputs -> outputs.shape("zeros")))
          .isInstanceOfSatisfying(
              PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.BUG));
    }
  }

  @Test
  void exhaustedMemoryIsRecognisedByTheRuntimesWords() {
    for (String message :
        new String[] {
          "bad allocation",
          "std::bad_alloc",
          "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 9",
          "BFCArena::AllocateRawInternal Available memory of 0 is smaller than requested bytes of 9",
          "CUDA failure 2: out of memory",
          "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED"
        }) {
      OrtException error =
          new OrtException(OrtException.OrtErrorCode.ORT_RUNTIME_EXCEPTION, message);
      assertThat(OnnxSession.failure("it fails", error).errorClass())
          .isEqualTo(ErrorClass.OUT_OF_MEMORY);
    }
  }

  @Test
  void aGpuThatFailsIsNoDefect() {
    for (String message :
        new String[] {
          "CUDA failure 700: an illegal memory access was encountered ; GPU=0",
          "CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0",
          "CUDA error cudaErrorNoKernelImageForDevice",
          "Failed to load library libonnxruntime_providers_cuda.so with error: libcublas.so.12"
        }) {
      OrtException error = new OrtException(OrtException.OrtErrorCode.ORT_FAIL, message);
      assertThat(OnnxSession.failure("it fails", error))
          .hasMessageEndingWith(message)
          .satisfies(e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE));
    }
  }
}
