package polyphony.activities.lm.torch;

import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.NativeWork;

/**
 * What this machine's libtorch reaches with nothing but matrix multiplications, and how much of it
 * a training step needs: their ratio says how far the training is from the best it could be.
 */
public final class MatmulCeiling {
  private static final int WARM_UPS = 3;

  private MatmulCeiling() {}

  /**
   * Measures {@code [rows, inner] x [inner, columns]} in 32-bit floats.
   *
   * @param threads multiply at the same time, one thread inside each multiplication, like the lanes
   *     of a training
   * @param duration of the measurement, warm-up excluded
   * @return 10^9 floating-point operations a second, all threads together
   */
  public static double gigaflops(int rows, int inner, int columns, int threads, Duration duration) {
    TorchEngine.start();
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      List<Future<Double>> rates = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        rates.add(pool.submit(() -> oneThread(rows, inner, columns, duration)));
      }
      double sum = 0;
      for (Future<Double> rate : rates) {
        sum += rate.get();
      }
      return sum;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw TorchEngine.failure("the measurement was interrupted", e);
    } catch (java.util.concurrent.ExecutionException e) {
      throw TorchEngine.failure("matrix multiplication", e.getCause());
    } finally {
      pool.shutdown();
    }
  }

  private static double oneThread(int rows, int inner, int columns, Duration duration) {
    TorchEngine.prepareThread(false);
    try (PtNDManager manager = TorchEngine.newManager();
        NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      PtNDArray left = ones(manager, rows, inner);
      PtNDArray right = ones(manager, columns, inner).transpose();
      for (int i = 0; i < WARM_UPS; i++) {
        left.matMul(right).close();
      }
      long start = System.nanoTime();
      long products = 0;
      while (System.nanoTime() - start < duration.toNanos()) {
        NativeWork.guarded(
            () -> {
              left.matMul(right).close();
              return null;
            });
        products++;
      }
      return 2.0 * rows * inner * columns * products / (System.nanoTime() - start);
    }
  }

  private static PtNDArray ones(PtNDManager manager, long rows, long columns) {
    return JniUtils.createOnesNdArray(
        manager,
        new Shape(rows, columns),
        DataType.FLOAT32,
        manager.getDevice(),
        SparseFormat.DENSE);
  }

  /**
   * Floating-point operations to train on one text of {@code length} tokens: 6 for each weight that
   * multiplies (all but the embedding) and token (Kaplan et al., arXiv 2001.08361, section 2.1),
   * and 12 for each layer, query dimension and pair of positions in attention, masked pairs
   * included.
   */
  public static double trainingFlops(DecoderConfig config, int length) {
    return 6.0 * multiplying(config) * length + attention(config, length);
  }

  /**
   * The same where an adapter is trained: the weights' own gradients fall away, the adapter's are
   * too few to count.
   */
  public static double adapterTrainingFlops(DecoderConfig config, int length) {
    return 4.0 * multiplying(config) * length + attention(config, length);
  }

  private static long multiplying(DecoderConfig config) {
    long embedding = (long) config.vocabularySize() * config.hiddenSize();
    return config.parameters() - (config.tiedEmbeddings() ? 0 : embedding);
  }

  private static double attention(DecoderConfig config, int length) {
    return 12.0 * config.layers() * config.heads() * config.headSize() * length * length;
  }
}
