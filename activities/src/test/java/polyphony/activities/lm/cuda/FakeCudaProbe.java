package polyphony.activities.lm.cuda;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A machine with one H200 and all that it needs; a test takes away what is to be missing. */
final class FakeCudaProbe implements CudaProbe {
  boolean cudaProvider = true;
  boolean kernelDriver = true;
  final Set<String> absent = new HashSet<>();
  Optional<Driver> driver = Optional.of(driverOf(new Gpu.Capability(9, 0)));
  Libtorch libtorch = new Libtorch.Download("cu128", true);

  static Driver driverOf(Gpu.Capability... capabilities) {
    return new Driver(
        "570.124.06",
        12_080,
        List.of(capabilities).stream()
            .map(each -> new Card("NVIDIA H200", each, 140_000_000_000L))
            .toList());
  }

  @Override
  public boolean hasCudaProvider() {
    return cudaProvider;
  }

  @Override
  public boolean hasKernelDriver() {
    return kernelDriver;
  }

  @Override
  public boolean finds(String name) {
    return !absent.contains(name);
  }

  @Override
  public Optional<Driver> driver() {
    return driver;
  }

  @Override
  public Optional<String> version(Library library) {
    return Optional.of(library == Library.RUNTIME ? "12.8" : "12.8.4");
  }

  @Override
  public Libtorch libtorch() {
    return libtorch;
  }
}
