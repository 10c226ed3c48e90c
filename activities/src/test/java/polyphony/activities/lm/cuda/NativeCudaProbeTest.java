package polyphony.activities.lm.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class NativeCudaProbeTest {
  private final NativeCudaProbe probe = new NativeCudaProbe(Map.of());

  @TempDir private Path folder;

  @Test
  @EnabledOnOs(OS.LINUX)
  void theLoaderIsAskedForLibraries() {
    assertThat(probe.finds("libc.so.6")).isTrue();
    assertThat(probe.finds("libthat-nobody-has.so.12")).isFalse();
  }

  @Test
  void aMachineWithoutDriverIsAskedWithoutHarm() {
    assumeFalse(probe.finds("libnvidia-ml.so.1"), "left out: this machine has NVIDIA's driver");
    assertThat(probe.driver()).isEmpty();
    assertThat(probe.version(CudaProbe.Library.CUBLAS)).isEmpty();
    assertThat(probe.version(CudaProbe.Library.RUNTIME)).isEmpty();
  }

  @Test
  void testsHaveTheLibtorchOfTheCpu() {
    assertThat(probe.libtorch()).isEqualTo(new CudaProbe.Libtorch.Bundled("cpu"));
  }

  @Test
  void aDownloadedLibtorchIsFoundByItsFolder() throws IOException {
    assertThat(NativeCudaProbe.isDownloaded(folder.resolve("nothing"), "cu128")).isFalse();
    for (String other : List.of("2.5.1-cu128-linux-x86_64", "2.7.1-cu118-linux-x86_64")) {
      Files.createFile(Files.createDirectories(folder.resolve(other)).resolve("libtorch_cuda.so"));
    }
    Path half = Files.createDirectories(folder.resolve("2.7.1-cu128-linux-x86_64"));
    assertThat(NativeCudaProbe.isDownloaded(folder, "cu128")).isFalse();
    Files.createFile(half.resolve("libtorch_cuda.so"));
    assertThat(NativeCudaProbe.isDownloaded(folder, "cu128")).isTrue();
  }

  @Test
  void gpusAreThoseThatCudaLeavesVisible() {
    assertThat(visible(Optional.empty())).containsExactly("0", "1", "2");
    assertThat(visible(Optional.of(""))).isEmpty();
    assertThat(visible(Optional.of("2, 0"))).containsExactly("2", "0");
    assertThat(visible(Optional.of("GPU-abc,1"))).containsExactly("GPU-abc", "1");
    assertThat(visible(Optional.of("1,3,0")))
        .as("as CUDA has it, none behind one that does not exist")
        .containsExactly("1");
    assertThat(visible(Optional.of("-1"))).isEmpty();
  }

  private static List<String> visible(Optional<String> chosen) {
    return NvidiaManagement.visible(
        chosen, 3, index -> Integer.toString(index), identity -> Optional.of(identity));
  }
}
