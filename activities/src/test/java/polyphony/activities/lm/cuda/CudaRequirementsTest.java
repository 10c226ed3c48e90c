package polyphony.activities.lm.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.cuda.CudaProbe.Libtorch;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

class CudaRequirementsTest {
  private static final Device.Cuda FIRST = new Device.Cuda(0);

  private final FakeCudaProbe probe = new FakeCudaProbe();

  @Test
  void aGpuWithAllThatItNeedsIsDescribed() {
    assertThat(CudaRequirements.require(probe, FIRST))
        .isEqualTo(
            new Gpu(
                0,
                "NVIDIA H200",
                new Gpu.Capability(9, 0),
                140_000_000_000L,
                Map.of(
                    "gpu", "compute capability 9.0",
                    "cublas", "12.8.4",
                    "libtorch flavour", "cu128"),
                Map.of("driver", "570.124.06", "cuda", "12.8")));
  }

  @Test
  void aBuildForTheCpuSaysHowToBuildForGpus() {
    probe.cudaProvider = false;
    refused(
        ErrorClass.CONFIG,
        "cuda:0 cannot be used: this build has ONNX Runtime for the CPU alone: start with"
            + " POLYPHONY_BUILD=gpu deploy/polyphony, or build with ./mvnw -Pgpu package");
  }

  @Test
  void withoutADriverTheMachineIsToBlame() {
    probe.kernelDriver = false;
    probe.absent.add("libcuda.so.1");
    refused(
        ErrorClass.INFRASTRUCTURE,
        "cuda:0 cannot be used: there is no NVIDIA driver (libcuda.so.1): install one for CUDA 12,"
            + " and see nvidia-smi");
  }

  @Test
  void aContainerThatWasStartedWithoutGpusIsToldApart() {
    probe.absent.add("libcuda.so.1");
    refused(
        ErrorClass.INFRASTRUCTURE,
        "cuda:0 cannot be used: the kernel has NVIDIA's driver, but this process does not reach it"
            + " (libcuda.so.1, libnvidia-ml.so.1): start the container with --gpus all");
    probe.absent.clear();
    probe.driver = Optional.empty();
    refused(ErrorClass.INFRASTRUCTURE, "start the container with --gpus all");
  }

  @Test
  void aDriverThatIsTooOldIsNamed() {
    probe.driver = Optional.of(new CudaProbe.Driver("470.82.01", 11_040, List.of()));
    refused(
        ErrorClass.INFRASTRUCTURE,
        "cuda:0 cannot be used: the driver 470.82.01 serves CUDA 11.4, and CUDA 12 is needed:"
            + " install driver 525 or newer");
  }

  @Test
  void aDriverWithoutGpusPointsAtWhatHidesThem() {
    probe.driver = Optional.of(FakeCudaProbe.driverOf());
    refused(
        ErrorClass.INFRASTRUCTURE,
        "cuda:0 cannot be used: the driver 570.124.06 shows no GPU; see nvidia-smi and"
            + " CUDA_VISIBLE_DEVICES");
  }

  @Test
  void aGpuThatIsNotThereIsRefusedWithThoseThatAre() {
    probe.driver =
        Optional.of(FakeCudaProbe.driverOf(new Gpu.Capability(9, 0), new Gpu.Capability(9, 0)));
    assertThat(CudaRequirements.require(probe, new Device.Cuda(1)).index()).isEqualTo(1);
    assertThatThrownBy(() -> CudaRequirements.require(probe, new Device.Cuda(2)))
        .hasMessage("cuda:2 does not exist; there are cuda:0 (NVIDIA H200), cuda:1 (NVIDIA H200)");
  }

  @Test
  void machineCodeRunsOnLaterChipsOfItsGenerationAlone() {
    for (Gpu.Capability served :
        List.of(new Gpu.Capability(8, 7), new Gpu.Capability(8, 9), new Gpu.Capability(12, 1))) {
      probe.driver = Optional.of(FakeCudaProbe.driverOf(served));
      assertThat(CudaRequirements.require(probe, FIRST).capability()).isEqualTo(served);
    }
    probe.driver = Optional.of(FakeCudaProbe.driverOf(new Gpu.Capability(10, 0)));
    refused(
        ErrorClass.CONFIG,
        "cuda:0 cannot be used: the NVIDIA H200 has compute capability 10.0, for which ONNX Runtime"
            + " or libtorch has no machine code; both have it for 7.5, 8.0, 8.6, 8.9, 9.0, 12.0");
  }

  @Test
  void everyMissingLibraryIsNamedAtOnce() {
    probe.absent.addAll(List.of("libcublas.so.12", "libcurand.so.10"));
    refused(
        ErrorClass.CONFIG,
        "cuda:0 cannot be used: ONNX Runtime needs libcublas.so.12, libcurand.so.10, which the"
            + " loader does not find: install CUDA 12's runtime libraries (Debian and Ubuntu:"
            + " cuda-libraries-12-8), or name their folder in LD_LIBRARY_PATH");
  }

  @Test
  void aLibtorchForTheCpuOnTheClassPathIsRefused() {
    probe.libtorch = new Libtorch.Bundled("cpu");
    refused(
        ErrorClass.CONFIG,
        "cuda:0 cannot be used: this build has libtorch for cpu on its class path, which goes before"
            + " any other: build with ./mvnw -Pgpu package");
    probe.libtorch = new Libtorch.Bundled("cu128");
    CudaRequirements.require(probe, FIRST);
  }

  @Test
  void anInstalledLibtorchMustBeOfTheRightVersionAndFlavour() {
    probe.libtorch = new Libtorch.Installed("/opt/torch/lib", "2.7.1", "cu128", true);
    CudaRequirements.require(probe, FIRST);
    probe.libtorch = new Libtorch.Installed("/opt/torch/lib", "2.7.1", "cu128", false);
    refused(
        ErrorClass.CONFIG,
        "cuda:0 cannot be used: PYTORCH_LIBRARY_PATH is /opt/torch/lib, which holds no"
            + " libtorch_cuda.so: name the lib folder of a libtorch 2.7.1 for CUDA 12.8");
    probe.libtorch = new Libtorch.Installed("/opt/torch/lib", "2.5.1", "", true);
    refused(
        ErrorClass.CONFIG,
        "cuda:0 cannot be used: beside PYTORCH_LIBRARY_PATH, PYTORCH_VERSION is \"2.5.1\" and"
            + " PYTORCH_FLAVOR is \"\": they must be 2.7.1 and cu128, and the libtorch that");
  }

  @Test
  void aDownloadedLibtorchMustBeOfTheRightFlavour() {
    probe.libtorch = new Libtorch.Download("cu128", true);
    CudaRequirements.require(probe, FIRST);
    probe.libtorch = new Libtorch.Download("cu118", true);
    refused(
        ErrorClass.CONFIG,
        "cuda:0 cannot be used: PYTORCH_FLAVOR is cu118, and a libtorch for cu128 is needed: leave"
            + " it out, or set PYTORCH_FLAVOR=cu128");
  }

  @Test
  void withoutLibtorchAndNetworkBothWaysToOneAreTold() {
    probe.libtorch = new Libtorch.Download("cu128", false);
    refused(
        ErrorClass.CONFIG,
        "cuda:0 cannot be used: there is no libtorch for CUDA: name an installed one by"
            + " PYTORCH_LIBRARY_PATH (its lib folder), PYTORCH_VERSION=2.7.1 and"
            + " PYTORCH_FLAVOR=cu128, or let it be downloaded once, 2.5 GB, with"
            + " POLYPHONY_JAVA_OPTIONS=-Dai.djl.offline=false");
  }

  private void refused(ErrorClass errorClass, String message) {
    assertThatThrownBy(() -> CudaRequirements.require(probe, FIRST))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(errorClass))
        .hasMessageEndingWith(message);
  }
}
