package polyphony.activities.lm.torch;

import ai.djl.Device;
import ai.djl.pytorch.engine.PtNDArray;
import java.nio.FloatBuffer;

/** Arrays' values for Java to read, one array at a time: from a GPU they are copied first. */
final class HostCopy implements AutoCloseable {
  private PtNDArray copy;

  /** The values of {@code array}, readable until the next call. */
  FloatBuffer of(PtNDArray array) {
    close();
    if (!array.getDevice().isGpu()) {
      return TorchDecoder.values(array);
    }
    copy = array.toDevice(Device.cpu(), true);
    return TorchDecoder.values(copy);
  }

  @Override
  public void close() {
    if (copy != null) {
      copy.close();
      copy = null;
    }
  }
}
