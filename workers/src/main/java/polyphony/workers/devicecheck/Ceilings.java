package polyphony.workers.devicecheck;

import java.time.Duration;
import java.util.function.Consumer;
import polyphony.activities.lm.torch.TorchCeilings;
import polyphony.workers.devicecheck.Finding.Ceiling;
import polyphony.workers.devicecheck.Finding.Resource;

/** What the device does of nothing but copying, and of nothing but multiplying matrices. */
final class Ceilings {
  private Ceilings() {}

  static void measure(Bench bench, Consumer<Finding> to) {
    boolean reduced = bench.assignment().reduced();
    Duration duration = Duration.ofMillis(reduced ? 300 : 3000);
    to.accept(
        new Ceiling(
            "copies in the device's memory",
            Resource.BANDWIDTH,
            TorchCeilings.copiedBytes(reduced ? 64 << 20 : 2L << 30, duration)));
    int size = reduced ? 512 : 8192;
    to.accept(
        new Ceiling(
            "products of matrices, " + size + " wide, " + (bench.halves() ? "bf16" : "fp32"),
            Resource.MATMUL,
            TorchCeilings.multiplications(bench.halves(), size, duration)));
  }
}
