package polyphony.activities.lm.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.NativeWork;
import polyphony.activities.lm.TinyModels;
import polyphony.storage.ErrorClass;

class TorchEngineTest {
  @TempDir Path folder;

  @Test
  void oneThreadWorksInsideAnOperation() {
    TorchEngine.start();

    assertThat(JniUtils.getNumThreads()).isEqualTo(1);
    assertThat(TorchEngine.version()).startsWith("2.");
  }

  @Test
  void anAllocationThatFailsIsOutOfMemory() {
    try (PtNDManager manager = TorchEngine.newManager()) {
      Throwable failure =
          catchThrowable(
              () ->
                  JniUtils.createZerosNdArray(
                      manager,
                      new Shape(1L << 50),
                      DataType.FLOAT32,
                      manager.getDevice(),
                      SparseFormat.DENSE));

      assertThat(TorchEngine.failure("step 3", failure))
          .hasMessageStartingWith("step 3: does not fit into memory")
          .satisfies(e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY))
          .hasCause(failure);
    }
  }

  @Test
  void anyOtherNativeErrorIsABugInOneLine() {
    try (PtNDManager manager = TorchEngine.newManager()) {
      Throwable failure =
          catchThrowable(() -> manager.ones(new Shape(2, 3)).matMul(manager.ones(new Shape(2, 3))));

      assertThat(TorchEngine.failure("step 3", failure))
          .satisfies(e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.BUG))
          .message()
          .startsWith("step 3: ")
          .contains("2x3 and 2x3")
          .doesNotContain("\n");
    }
  }

  @Test
  void aGpuThatFailsIsAMatterOfTheMachineAndOneThatIsFullOfTheBatch() {
    assertThat(
            TorchEngine.failure(
                "step 3",
                new EngineException("CUDA error: an illegal memory access was encountered\nmore")))
        .hasMessage(
            "step 3: the GPU or its driver failed; another attempt needs a new process (see"
                + " nvidia-smi and dmesg if it fails again): CUDA error: an illegal memory access"
                + " was encountered")
        .satisfies(e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE));
    for (String message :
        List.of(
            "CUDA driver error: device-side assert triggered",
            "cuBLAS says CUBLAS_STATUS_EXECUTION_FAILED")) {
      assertThat(TorchEngine.failure("step 3", new EngineException(message)).errorClass())
          .isEqualTo(ErrorClass.INFRASTRUCTURE);
    }
    for (String message :
        List.of(
            "CUDA driver error: out of memory",
            "CUDA out of memory. Tried to allocate 20.00 MiB.",
            "CUDA error: out of memory",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")) {
      assertThat(TorchEngine.failure("step 3", new EngineException(message)).errorClass())
          .isEqualTo(ErrorClass.OUT_OF_MEMORY);
    }
  }

  @Test
  void ofAScriptsFailureItsReasonIsTold() {
    String message =
        """
        The following operation failed in the TorchScript interpreter.
        Traceback of TorchScript, serialized code (most recent call last):
          File "code/__torch__.py", line 7, in forward
            return torch.matmul(x, w)
                   ~~~~~~~~~~~~ <--- HERE
        RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB.
        """;
    assertThat(TorchEngine.failure("step 3", new EngineException(message)))
        .hasMessage(
            "step 3: does not fit into memory; use smaller micro-batches (CUDA out of memory. Tried"
                + " to allocate 20.00 MiB.)");
  }

  /** In a process of its own, since nothing takes it back. */
  @Test
  void operationsCanBeRequiredToBeDeterministic() throws Exception {
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Deterministic.class.getName())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();

    assertThat(process.waitFor()).as("%s", Files.readString(output)).isEqualTo(7);
  }

  /** Exits with status 7 where the switch is off at first, and on afterwards. */
  static final class Deterministic {
    public static void main(String[] arguments) {
      TorchEngine.start();
      boolean before = DeterministicTorch.isRequired();
      TorchEngine.computeDeterministically();
      NativeWork.exit(!before && DeterministicTorch.isRequired() ? 7 : 1);
    }
  }

  @Test
  void anArchiveIsAZipOfSourceAndPickle() throws IOException {
    byte[] bytes =
        DecoderScript.archive(TinyModels.config(true), Optional.empty(), Precision.FLOAT32).bytes();

    assertThat(bytes)
        .isEqualTo(
            DecoderScript.archive(TinyModels.config(true), Optional.empty(), Precision.FLOAT32)
                .bytes());
    List<String> names = new ArrayList<>();
    try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(bytes))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        names.add(entry.getName());
      }
    }
    assertThat(names)
        .containsExactlyInAnyOrder(
            "archive/data.pkl",
            "archive/code/__torch__.py",
            "archive/constants.pkl",
            "archive/version");
  }

  @Test
  void aProcessThatEndsWaitsForNativeWorkInProgress() throws Exception {
    Path done = folder.resolve("done");
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                EndsAmidWork.class.getName(),
                done.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();

    assertThat(process.waitFor()).as("%s", Files.readString(output)).isEqualTo(7);
    assertThat(done).exists();
  }

  /** Exits with status 7 while another thread works; that thread leaves a file when it is done. */
  static final class EndsAmidWork {
    public static void main(String[] arguments) throws InterruptedException {
      TorchEngine.start();
      CountDownLatch working = new CountDownLatch(1);
      Thread worker =
          new Thread(
              () ->
                  NativeWork.guarded(
                      () -> {
                        working.countDown();
                        return workFor(Duration.ofMillis(300), Path.of(arguments[0]));
                      }));
      worker.setDaemon(true);
      worker.start();
      working.await();
      System.exit(7);
    }

    private static Path workFor(Duration duration, Path done) {
      long start = System.nanoTime();
      while (System.nanoTime() - start < duration.toNanos()) {
        Thread.onSpinWait();
      }
      try {
        return Files.createFile(done);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Test
  void theMatmulCeilingIsARate() {
    assertThat(MatmulCeiling.gigaflops(64, 32, 48, 2, Duration.ofMillis(5))).isPositive();
  }

  @Test
  void trainingFlopsCountMultiplyingWeightsAndAttention() {
    // One layer: q 4x4, k and v 2x4, o 4x4, feed-forward 3 times 4x5, norms 3 times 4, head 7x4.
    DecoderConfig config = new DecoderConfig(7, 4, 1, 2, 1, 2, 5, 10000, 1e-5, 8, false);
    double weights = 16 + 8 + 8 + 16 + 60 + 12 + 28;

    assertThat(MatmulCeiling.trainingFlops(config, 3))
        .isCloseTo(6 * weights * 3 + 12 * 4 * 9, within(1e-9));
  }
}
