package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.Device;
import polyphony.activities.lm.cuda.CudaProbe;
import polyphony.activities.lm.cuda.Gpu;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.storage.CanonicalJson;
import polyphony.storage.Worker;

class ChosenDeviceTest {
  private static final Settings OPEN = Settings.of(Map.of(), 2);

  /** One GPU, or none. */
  private record Machine(boolean cudaProvider, boolean gpu) implements CudaProbe {
    @Override
    public boolean hasCudaProvider() {
      return cudaProvider;
    }

    @Override
    public boolean hasKernelDriver() {
      return gpu;
    }

    @Override
    public boolean finds(String name) {
      return gpu;
    }

    @Override
    public Optional<Driver> driver() {
      return Optional.of(
          new Driver(
              "570.1",
              12_080,
              List.of(new Card("NVIDIA H200", new Gpu.Capability(9, 0), 140_000_000_000L))));
    }

    @Override
    public Optional<String> version(Library library) {
      return Optional.of(library == Library.RUNTIME ? "12.8" : "12.8.4");
    }

    @Override
    public Libtorch libtorch() {
      return new Libtorch.Download("cu128", true);
    }
  }

  @Test
  void aBuildForTheCpuChoosesNothingAndSaysNothing() {
    assertThat(ChosenDevice.of(OPEN, new Machine(false, true))).isEqualTo(ChosenDevice.CPU);
  }

  @Test
  void theFirstGpuIsTakenWhereThereIsAllThatItNeeds() {
    ChosenDevice chosen = ChosenDevice.of(OPEN, new Machine(true, true));
    assertThat(chosen.device()).isEqualTo(new Device.Cuda(0));
    assertThat(chosen.name()).isEqualTo("NVIDIA H200");
    assertThat(chosen.line()).contains("computing on cuda:0: NVIDIA H200, driver 570.1");
    assertThat(new NativeRuntime(chosen).memory()).isEqualTo(140_000_000_000L);
    assertThat(new NativeRuntime(chosen, 2).memory()).isEqualTo(70_000_000_000L);
  }

  /** What lies beside the arena, such as weights, counts against its limit. */
  @Test
  void aSessionMayTakeAllThatIsFreeItsWeightsIncluded() {
    ChosenDevice chosen = ChosenDevice.of(OPEN, new Machine(true, true));
    assertThat(new NativeRuntime(chosen, 2).options().cuda().orElseThrow().memoryLimit())
        .isEqualTo(70_000_000_000L);
    assertThat(new NativeRuntime(ChosenDevice.CPU).options()).isEqualTo(OnnxOptions.DEFAULT);
  }

  @Test
  void libtorchForCudaIsTakenWhateverVersionOfCudaIsFound() {
    new NativeRuntime(ChosenDevice.of(OPEN, new Machine(true, true)));
    assertThat(System.getProperty("PYTORCH_FLAVOR")).isEqualTo("cu128");
  }

  @Test
  void whatIsMissingIsToldWhereTheCpuIsTakenInstead() {
    ChosenDevice chosen = ChosenDevice.of(OPEN, new Machine(true, false));
    assertThat(chosen.device()).isEqualTo(Device.CPU);
    assertThat(chosen.line().orElseThrow())
        .startsWith("computing on the CPU: cuda:0 cannot be used: there is no NVIDIA driver");
  }

  @Test
  void aGpuThatWasAskedForIsNeverReplaced() {
    assertThatThrownBy(() -> ChosenDevice.of(OPEN.withDevice("cuda:0"), new Machine(true, false)))
        .hasMessageStartingWith("cuda:0 cannot be used");
    assertThat(ChosenDevice.of(OPEN.withDevice("cpu"), new Machine(true, true)))
        .isEqualTo(ChosenDevice.CPU);
  }

  @Test
  void keysHoldWhatChangesBitsAndTheRecordHoldsTheRest() {
    Settings settings = Settings.of(Map.of("POLYPHONY_DETERMINISTIC", "true"), 2);
    ChosenDevice chosen = ChosenDevice.of(settings, new Machine(true, true));
    assertThat(chosen.versions())
        .isEqualTo(
            Map.of(
                "gpu", "compute capability 9.0",
                "cublas", "12.8.4",
                "libtorch flavour", "cu128",
                "deterministic", "true"));
    assertThat(chosen.beside()).isEqualTo(Map.of("driver", "570.1", "cuda", "12.8"));
    assertThat(chosen.arithmetic()).isNotEqualTo(Arithmetic.CPU);
  }

  @Test
  void onTheCpuNothingIsAddedToKeysAndRecords() {
    ChosenDevice chosen =
        ChosenDevice.of(
            Settings.of(Map.of("POLYPHONY_DETERMINISTIC", "true"), 2), new Machine(false, false));
    assertThat(chosen.versions()).isEmpty();
    Worker worker = new Worker("node", 7, chosen.name(), Map.of("libtorch", "2"), chosen.beside());
    assertThat(CanonicalJson.string(worker))
        .isEqualTo(
            "{\"device\":\"cpu\",\"host\":\"node\",\"processId\":7,"
                + "\"versions\":{\"libtorch\":\"2\"}}");
  }
}
