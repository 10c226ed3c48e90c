package polyphony.activities.lm.cuda;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * A GPU that can be used, with the software around it.
 *
 * @param index as in {@link polyphony.activities.lm.Device.Cuda}
 * @param name such as {@code NVIDIA H200}
 * @param capability what its machine code is compiled for
 * @param freeBytes of its memory that nobody has taken
 * @param computing versions of what can change a result: libraries, by name
 * @param recorded versions of what cannot, but that one wants to know afterwards: the driver
 */
public record Gpu(
    int index,
    String name,
    Capability capability,
    long freeBytes,
    Map<String, String> computing,
    Map<String, String> recorded) {

  public Gpu {
    computing = Collections.unmodifiableMap(new TreeMap<>(computing));
    recorded = Collections.unmodifiableMap(new TreeMap<>(recorded));
  }

  /** A compute capability, such as 9.0. */
  public record Capability(int major, int minor) {
    /** Machine code runs where it was compiled for, and on later chips of the same generation. */
    boolean runs(Capability compiled) {
      return major == compiled.major && minor >= compiled.minor;
    }

    @Override
    public String toString() {
      return major + "." + minor;
    }
  }
}
