package polyphony.activities.lm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeWorkTest {
  @TempDir private Path folder;

  @Test
  void anEndingProcessCutsWorkShortWaitsForItAndForgetsIt() throws Exception {
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Ends.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();

    assertThat(process.waitFor()).as("%s", Files.readString(output)).isEqualTo(7);
    assertThat(folder.resolve("ended")).exists();
    assertThat(folder.resolve("returned")).doesNotExist();
    assertThat(folder.resolve("begun")).doesNotExist();
  }

  /** Ends with status 7 while one thread is at work; another one begins as soon as it may. */
  static final class Ends {
    private Ends() {}

    public static void main(String[] arguments) throws InterruptedException {
      Path folder = Path.of(arguments[0]);
      CountDownLatch working = new CountDownLatch(1);
      CountDownLatch interrupted = new CountDownLatch(1);
      daemon(
          () -> {
            NativeWork.interruptible(
                interrupted::countDown,
                () -> {
                  working.countDown();
                  interrupted.await();
                  return file(folder.resolve("ended"));
                });
            return file(folder.resolve("returned"));
          });
      working.await();
      daemon(
          () -> {
            interrupted.await();
            return NativeWork.guarded(() -> file(folder.resolve("begun")));
          });
      // Hooks run when nothing is at work any more.
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(
                  () -> {
                    if (!Files.exists(folder.resolve("ended"))) {
                      Runtime.getRuntime().halt(8);
                    }
                  }));
      NativeWork.exit(7);
    }

    private static void daemon(NativeWork.Work<Path, InterruptedException> work) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  work.run();
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      thread.setDaemon(true);
      thread.start();
    }

    private static Path file(Path file) {
      try {
        return Files.createFile(file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
