package polyphony.workers.devicecheck;

import java.io.FileWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import polyphony.activities.lm.NativeWork;
import polyphony.storage.PolyphonyException;
import polyphony.workers.NativeRuntime;
import polyphony.workers.devicecheck.Finding.NotDone;

/** The process of one part. */
public final class PartMain {
  private PartMain() {}

  /**
   * @param arguments the file that findings are appended to, one JSON object a line, and the {@link
   *     Assignment} as JSON
   */
  public static void main(String[] arguments) throws IOException {
    Assignment assignment = PartProcess.JSON.readValue(arguments[1], Assignment.class);
    try (Writer file = new FileWriter(arguments[0], StandardCharsets.UTF_8, true)) {
      carryOut(assignment, finding -> append(file, finding));
    }
    NativeWork.exit(0);
  }

  private static void append(Writer file, Finding finding) {
    try {
      file.write(PartProcess.JSON.writeValueAsString(finding) + "\n");
      file.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void carryOut(Assignment assignment, Consumer<Finding> to) {
    Part part = assignment.part();
    try (Subject subject =
        new Subject(NativeRuntime.on(assignment.device(), part.deterministic()))) {
      part.run(new Bench(assignment, NativeRuntime.on("cpu", false), subject), to);
    } catch (PolyphonyException e) {
      to.accept(new NotDone(part.title(), part.verification(), e.getMessage()));
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      to.accept(new NotDone(part.title(), part.verification(), e.toString()));
    }
  }
}
