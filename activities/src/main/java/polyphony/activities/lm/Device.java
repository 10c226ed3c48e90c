package polyphony.activities.lm;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import polyphony.storage.PolyphonyException;

/** What models are computed on: this machine's processors, or one of its GPUs. */
public sealed interface Device {
  /** Processors and their memory. */
  Device CPU = new Cpu();

  /** As {@link #CPU}. */
  record Cpu() implements Device {
    @Override
    public String toString() {
      return "cpu";
    }
  }

  /**
   * One GPU.
   *
   * @param index in the order of the PCI bus, among those that {@code CUDA_VISIBLE_DEVICES} leaves,
   *     from 0
   */
  record Cuda(int index) implements Device {
    public Cuda {
      if (index < 0) {
        throw new IllegalArgumentException("a GPU's index is at least 0, not " + index);
      }
    }

    @Override
    public String toString() {
      return "cuda:" + index;
    }
  }

  /** What leaves the choice to the program. */
  String AUTO = "auto";

  /**
   * What a flag or a variable asks for.
   *
   * @param source flag or variable, for the message
   * @return empty for {@link #AUTO}
   * @throws PolyphonyException CONFIG for anything but {@code auto}, {@code cpu} and {@code cuda:N}
   */
  static Optional<Device> of(String value, String source) {
    Matcher cuda = Pattern.compile("cuda:(\\d{1,3})").matcher(value);
    if (cuda.matches()) {
      return Optional.of(new Cuda(Integer.parseInt(cuda.group(1))));
    }
    return switch (value) {
      case AUTO -> Optional.empty();
      case "cpu" -> Optional.of(CPU);
      default ->
          throw PolyphonyException.config(
              source + " is \"" + value + "\"; it must be auto, cpu, or a GPU such as cuda:0");
    };
  }
}
