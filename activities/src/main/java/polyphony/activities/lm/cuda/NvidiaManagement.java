package polyphony.activities.lm.cuda;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * NVIDIA's management library: what {@code nvidia-smi} shows. It comes with the driver, and takes
 * nothing of a GPU.
 */
final class NvidiaManagement {
  private static final int TEXT = 96;

  private final NativeLibrary library;

  private NvidiaManagement(NativeLibrary library) {
    this.library = library;
  }

  /** A function has answered with an error. */
  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Refused(String function, int status) {
      super(function + " answers " + status);
    }
  }

  /**
   * @param visible {@code CUDA_VISIBLE_DEVICES}, where it is set
   * @return empty where there is no library, or it does not reach the driver
   */
  static Optional<CudaProbe.Driver> driver(Optional<String> visible) {
    try (NativeLibrary opened = NativeLibrary.getInstance("libnvidia-ml.so.1")) {
      NvidiaManagement management = new NvidiaManagement(opened);
      management.call("nvmlInit_v2");
      try {
        return Optional.of(management.read(visible));
      } finally {
        management.call("nvmlShutdown");
      }
    } catch (UnsatisfiedLinkError | Refused e) {
      return Optional.empty();
    }
  }

  private CudaProbe.Driver read(Optional<String> visible) {
    List<CudaProbe.Card> cards = new ArrayList<>();
    for (Pointer device : visible(visible, count(), this::byIndex, this::byIdentity)) {
      cards.add(card(device));
    }
    return new CudaProbe.Driver(
        text("nvmlSystemGetDriverVersion"), number("nvmlSystemGetCudaDriverVersion"), cards);
  }

  /**
   * The devices that CUDA numbers from 0. Visible for the tests.
   *
   * @param chosen numbers or identities with commas between them, as CUDA reads them: what stands
   *     behind the first that does not exist is not seen
   */
  static <T> List<T> visible(
      Optional<String> chosen,
      int count,
      Function<Integer, T> byIndex,
      Function<String, Optional<T>> byIdentity) {
    List<T> devices = new ArrayList<>();
    if (chosen.isEmpty()) {
      for (int index = 0; index < count; index++) {
        devices.add(byIndex.apply(index));
      }
      return devices;
    }
    for (String each : chosen.get().split(",", -1)) {
      String name = each.strip();
      Optional<T> device =
          name.matches("\\d{1,3}")
              ? Optional.of(Integer.parseInt(name)).filter(index -> index < count).map(byIndex)
              : name.startsWith("GPU-") || name.startsWith("MIG-")
                  ? byIdentity.apply(name)
                  : Optional.empty();
      if (device.isEmpty()) {
        return devices;
      }
      devices.add(device.get());
    }
    return devices;
  }

  private CudaProbe.Card card(Pointer device) {
    IntByReference major = new IntByReference();
    IntByReference minor = new IntByReference();
    call("nvmlDeviceGetCudaComputeCapability", device, major, minor);
    // Total, free and used bytes, 64 bits each.
    Memory memory = new Memory(3L * Long.BYTES);
    call("nvmlDeviceGetMemoryInfo", device, memory);
    return new CudaProbe.Card(
        text("nvmlDeviceGetName", device),
        new Gpu.Capability(major.getValue(), minor.getValue()),
        memory.getLong(Long.BYTES));
  }

  private int count() {
    return number("nvmlDeviceGetCount_v2");
  }

  private Pointer byIndex(int index) {
    PointerByReference device = new PointerByReference();
    call("nvmlDeviceGetHandleByIndex_v2", index, device);
    return device.getValue();
  }

  private Optional<Pointer> byIdentity(String identity) {
    PointerByReference device = new PointerByReference();
    try {
      call("nvmlDeviceGetHandleByUUID", identity, device);
      return Optional.of(device.getValue());
    } catch (Refused e) {
      // CUDA takes the beginning of one, too.
      return IntStream.range(0, count())
          .mapToObj(this::byIndex)
          .filter(each -> text("nvmlDeviceGetUUID", each).startsWith(identity))
          .findFirst();
    }
  }

  private int number(String function) {
    IntByReference number = new IntByReference();
    call(function, number);
    return number.getValue();
  }

  /** A text that a function writes into a buffer, its last two arguments. */
  private String text(String function, Object... arguments) {
    byte[] text = new byte[TEXT];
    Object[] all = Arrays.copyOf(arguments, arguments.length + 2);
    all[arguments.length] = text;
    all[arguments.length + 1] = TEXT;
    call(function, all);
    return Native.toString(text, StandardCharsets.UTF_8.name());
  }

  private void call(String function, Object... arguments) {
    int status = library.getFunction(function).invokeInt(arguments);
    if (status != 0) {
      throw new Refused(function, status);
    }
  }
}
