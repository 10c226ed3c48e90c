package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AvailableMemoryTest {
  @TempDir Path root;

  private void file(String name, String content) throws IOException {
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
  }

  private void machine() throws IOException {
    file("proc/meminfo", "MemTotal:  9000 kB\nMemAvailable:    4000 kB\n");
    file(
        "proc/self/status",
        "VmRSS:\t 900 kB\nRssAnon:\t 470 kB\nRssFile:\t 400 kB\nRssShmem:\t 30 kB\n");
  }

  @Test
  void whatThisProcessHasCountsBesideWhatIsLeftButNotTheFilesItMaps() throws IOException {
    machine();
    assertThat(AvailableMemory.bytes(root)).hasValue(4500 * 1024);
  }

  @Test
  void aContainersLimitBindsBeforeTheMachine() throws IOException {
    machine();
    file("sys/fs/cgroup/memory.max", "2048000\n");
    file("sys/fs/cgroup/memory.current", "1024000\n");
    file("sys/fs/cgroup/memory.stat", "anon 5\nfile 24000\nshmem 4000\n");
    assertThat(AvailableMemory.bytes(root)).hasValue(2048000 - 1024000 + 20000 + 500 * 1024);
  }

  @Test
  void soItIsInTheFirstVersionOfControlGroups() throws IOException {
    machine();
    file("sys/fs/cgroup/memory/memory.limit_in_bytes", "1024000\n");
    file("sys/fs/cgroup/memory/memory.usage_in_bytes", "1024000\n");
    file("sys/fs/cgroup/memory/memory.stat", "cache 1\ntotal_cache 24000\ntotal_shmem 4000\n");
    assertThat(AvailableMemory.bytes(root)).hasValue(20000 + 500 * 1024);
  }

  @Test
  void noLimitBindsNothing() throws IOException {
    machine();
    file("sys/fs/cgroup/memory.max", "max\n");
    file("sys/fs/cgroup/memory.current", "1024000\n");
    file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    file("sys/fs/cgroup/memory/memory.usage_in_bytes", "1024000\n");
    assertThat(AvailableMemory.bytes(root)).hasValue(4500 * 1024);
  }

  @Test
  void withoutSuchFilesItIsNotKnown() {
    assertThat(AvailableMemory.bytes(root)).isEmpty();
    assertThat(AvailableMemory.bytes()).isPositive();
  }
}
