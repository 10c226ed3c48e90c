package polyphony.activities.lm.torch;

import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.NativeWork;
import polyphony.storage.PolyphonyException;

/**
 * What a device reaches with one simple operation, by libtorch: the ceilings that real work is
 * compared with.
 */
public final class TorchCeilings {
  /** Operations between two looks at the clock, each of which waits for the device. */
  private static final int AT_ONCE = 8;

  private static final String CLASS_NAME = "Ceilings";

  private static final String SOURCE =
      """
      class Ceilings(Module):
        __parameters__ = []
        __buffers__ = []
        def copy(self: __torch__.Ceilings, x: Tensor, times: int) -> Tensor:
          into = torch.empty_like(x)
          for each in range(times):
            into = torch.copy_(into, x)
          return torch.select(into, 0, 0)
        def multiply(self: __torch__.Ceilings, x: Tensor, times: int) -> Tensor:
          square = torch.mm(x, x)
          for each in range(times - 1):
            square = torch.mm(x, x)
          return torch.to(torch.select(torch.select(square, 0, 0), 0, 0), 6)
        def halves(self: __torch__.Ceilings, x: Tensor) -> Tensor:
          return torch.to(x, 15)
      """;

  private TorchCeilings() {}

  /**
   * Bytes a second that copies within the device's memory read and write together.
   *
   * @param bytes of one copy, far more than any cache holds
   * @throws PolyphonyException OUT_OF_MEMORY
   */
  public static double copiedBytes(Device device, long bytes, Duration duration) {
    return 2.0 * bytes * perSecond(device, "copy", false, duration, bytes / Float.BYTES);
  }

  /**
   * Floating-point operations a second in products of square matrices.
   *
   * @param bfloat16 whether the numbers have 16 bits rather than 32
   * @throws PolyphonyException OUT_OF_MEMORY
   */
  public static double multiplications(
      Device device, boolean bfloat16, int size, Duration duration) {
    double operations = 2.0 * size * size * size;
    return operations * perSecond(device, "multiply", bfloat16, duration, size, size);
  }

  private static double perSecond(
      Device device, String method, boolean bfloat16, Duration duration, long... shape) {
    TorchEngine.prepareThread(false);
    try (PtNDManager manager = TorchEngine.newManager(device);
        NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      byte[] archive = new TorchScriptArchive(CLASS_NAME, SOURCE).bytes();
      PtSymbolBlock module =
          JniUtils.loadModule(manager, new ByteArrayInputStream(archive), false, false);
      try (module) {
        PtNDArray numbers =
            JniUtils.createOnesNdArray(
                manager,
                new Shape(shape),
                DataType.FLOAT32,
                manager.getDevice(),
                SparseFormat.DENSE);
        PtNDArray input =
            bfloat16 ? result(manager, module, "halves", IValue.from(numbers)) : numbers;
        run(manager, module, method, input);
        long start = System.nanoTime();
        long operations = 0;
        while (System.nanoTime() - start < duration.toNanos()) {
          run(manager, module, method, input);
          operations += AT_ONCE;
        }
        return operations * 1e9 / (System.nanoTime() - start);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (PolyphonyException e) {
      throw e;
    } catch (RuntimeException | OutOfMemoryError e) {
      throw TorchEngine.failure("a ceiling cannot be measured", e);
    }
  }

  private static void run(
      PtNDManager manager, PtSymbolBlock module, String method, PtNDArray input) {
    NativeWork.guarded(
        () -> {
          try (PtNDArray one =
              result(manager, module, method, IValue.from(input), IValue.from((long) AT_ONCE))) {
            // Reading a number waits for what computes it.
            return one.toFloatArray();
          }
        });
  }

  private static PtNDArray result(
      PtNDManager manager, PtSymbolBlock module, String method, IValue... arguments) {
    try (IValue value = IValueUtils.runMethod(module, method, arguments)) {
      return value.toTensor(manager);
    } finally {
      for (IValue argument : arguments) {
        argument.close();
      }
    }
  }
}
