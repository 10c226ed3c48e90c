package polyphony.workers.devicecheck;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import polyphony.storage.PolyphonyException;
import polyphony.storage.TemporaryFolder;
import polyphony.workers.devicecheck.Finding.NotDone;
import polyphony.workers.isolation.ChildCommand;

/** Runs parts, each in a process of its own. */
final class PartProcess {
  static final JsonMapper JSON = JsonMapper.builder().build();

  private static final int KILLED = 128 + 9;

  private PartProcess() {}

  /**
   * What a part found; where it ended early, as one of its findings.
   *
   * @param limit then its process is killed
   */
  static List<Finding> run(Assignment assignment, Duration limit) throws InterruptedException {
    Part part = assignment.part();
    try (TemporaryFolder folder = new TemporaryFolder(assignment.scratch(), "part-")) {
      Path answers = folder.path().resolve("findings.jsonl");
      ChildCommand command =
          new ChildCommand(
              PartMain.class, List.of(json(assignment)), assignment.scratch().resolve("crashes"));
      Process process = command.start(answers, folder.path());
      FutureTask<Optional<String>> lastWords = new FutureTask<>(() -> lastLine(process));
      Thread output = new Thread(lastWords, "output-of-" + process.pid());
      output.setDaemon(true);
      output.start();
      boolean inTime;
      try {
        inTime = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      } finally {
        process.destroyForcibly();
      }
      int status = process.waitFor();
      List<Finding> findings = read(answers);
      if (!inTime) {
        findings.add(notDone(part, "not ready after " + limit.toSeconds() + " s"));
      } else if (status != (part.dies() ? KILLED : 0)
          && findings.stream().noneMatch(NotDone.class::isInstance)) {
        String last = words(lastWords).map(line -> "; it last said: " + line).orElse("");
        findings.add(notDone(part, "its process ended with status " + status + last));
      }
      return findings;
    }
  }

  private static NotDone notDone(Part part, String reason) {
    return new NotDone(part.title(), part.verification(), reason);
  }

  private static String json(Assignment assignment) {
    try {
      return JSON.writeValueAsString(assignment);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("an assignment is plain data", e);
    }
  }

  private static List<Finding> read(Path answers) {
    List<Finding> findings = new ArrayList<>();
    try {
      for (String line : Files.exists(answers) ? Files.readAllLines(answers) : List.<String>of()) {
        findings.add(JSON.readValue(line, Finding.class));
      }
    } catch (JsonProcessingException e) {
      // A process that was killed may have written half a line; what it was at is told anyway.
      return findings;
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(answers + ": cannot be read", e);
    }
    return findings;
  }

  private static Optional<String> lastLine(Process process) throws IOException {
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      return lines.lines().filter(line -> !line.isBlank()).reduce((first, second) -> second);
    }
  }

  private static Optional<String> words(FutureTask<Optional<String>> lastWords)
      throws InterruptedException {
    try {
      return lastWords.get();
    } catch (ExecutionException e) {
      // Only its output is lost.
      return Optional.empty();
    }
  }
}
