package polyphony.activities.lm.onnx;

import com.sun.jna.Memory;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * Floats outside the JVM: neither its heap nor its limit on direct buffers bounds them, and they go
 * back when they are closed, not when the collector comes by. The adapters of a large model's
 * agents are more than a JVM that holds no model itself is given.
 */
record NativeFloats(Memory memory) implements AutoCloseable {
  /**
   * Zeros.
   *
   * @throws PolyphonyException OUT_OF_MEMORY
   */
  static NativeFloats of(long... shape) {
    long bytes = Arrays.stream(shape).reduce(Float.BYTES, Math::multiplyExact);
    try {
      Memory memory = new Memory(bytes);
      memory.clear();
      return new NativeFloats(memory);
    } catch (OutOfMemoryError e) {
      throw new PolyphonyException(
          ErrorClass.OUT_OF_MEMORY,
          bytes
              + " bytes for an adapter's matrices are not there; use adapters of a lower rank, fewer"
              + " agents, or a worker with more memory",
          e);
    }
  }

  /** All of them, to be used until {@link #close} at most. */
  FloatBuffer values() {
    return memory.getByteBuffer(0, memory.size()).order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  @Override
  public void close() {
    memory.close();
  }
}
