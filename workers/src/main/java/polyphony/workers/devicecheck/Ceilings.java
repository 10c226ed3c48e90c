package polyphony.workers.devicecheck;

import java.time.Duration;
import java.util.function.Consumer;
import polyphony.activities.lm.torch.Precision;
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
            TorchCeilings.copiedBytes(
                bench.subject().device(), reduced ? 64 << 20 : 2L << 30, duration)));
    int size = reduced ? 512 : 8192;
    to.accept(
        new Ceiling(
            "products of matrices, " + size + " wide, " + Subject.name(bench.subject().training()),
            Resource.MATMUL,
            TorchCeilings.multiplications(
                bench.subject().device(),
                bench.subject().training() == Precision.BFLOAT16,
                size,
                duration)));
  }
}
