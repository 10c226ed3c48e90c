package polyphony.workers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import polyphony.activities.data.ImportedData;
import polyphony.activities.grading.Grader;
import polyphony.activities.grading.Graders;
import polyphony.activities.grading.Verdict;
import polyphony.activities.tasks.Tasks;
import polyphony.storage.PolyphonyException;

/** {@code polyphony grade}: answers, or texts with answers in them, against the true ones. */
@Command(
    name = "grade",
    header = "Compares answers with the true ones.",
    description = {
      "Reads JSON lines {\"gold\": …, \"pred\": …} with an answer, or {\"gold\": …, \"text\": …} with"
          + " a model's text, and prints {\"extracted\": …, \"verdict\": …} for each; the verdict is"
          + " equal, different or undecided. How many of each there are is said on standard error."
    },
    customSynopsis = "polyphony grade --task=TASK [OPTIONS] [FILE]",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Examples:",
      "  polyphony grade --task math answers.jsonl",
      "  polyphony grade --task mine --mode released-code a.jsonl > verdicts.jsonl",
      "  echo '{\"gold\": \"0.5\", \"pred\": \"1/2\"}' | polyphony grade --task number"
    })
final class GradeCommand implements Callable<Integer> {
  /** A line is a question's text and an answer, and no book. */
  private static final int LONGEST_LINE = 16 << 20;

  private static final JsonMapper JSON = new JsonMapper();

  private final Console console;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "FILE",
      description = "JSON lines; by default, or where it is -, standard input.")
  private String file;

  @Option(
      names = "--task",
      required = true,
      paramLabel = "TASK",
      completionCandidates = Choices.TaskNames.class,
      description =
          "arithmetic, gsm8k, math, mmlu, what questions were imported as, or a kind of answers:"
              + " number, math, choice, text.")
  private String task;

  @Option(
      names = "--mode",
      defaultValue = Graders.DEFAULT,
      paramLabel = "MODE",
      completionCandidates = Choices.GradingModes.class,
      description = "default, or released-code: as the paper's released code does.")
  private String mode;

  @Option(
      names = "--store",
      paramLabel = "FOLDER",
      defaultValue = StoreFolder.DEFAULT,
      description = "For a task of your own. " + StoreFolder.DESCRIPTION)
  private Path store;

  GradeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Grader grader = grader();
    String source = file == null || file.equals("-") ? "standard input" : file;
    Map<Verdict, Integer> counts = new EnumMap<>(Verdict.class);
    int number = 0;
    try (BufferedReader lines = open()) {
      for (String line = line(lines); line != null; line = line(lines)) {
        number++;
        if (!line.isBlank()) {
          graded(grader, line, source + ":" + number, counts);
        }
      }
    } catch (IOException e) {
      throw PolyphonyException.config(
          source + ":" + (number + 1) + " cannot be read (" + e.getMessage() + ")");
    }
    console
        .err()
        .println(
            counts.values().stream().mapToInt(Integer::intValue).sum()
                + " graded: "
                + count(counts, Verdict.EQUAL)
                + ", "
                + count(counts, Verdict.DIFFERENT)
                + ", "
                + count(counts, Verdict.UNDECIDED));
    return 0;
  }

  private static String count(Map<Verdict, Integer> counts, Verdict verdict) {
    return counts.getOrDefault(verdict, 0) + " " + verdict.label();
  }

  private Grader grader() {
    if (Graders.kinds().contains(task) || Tasks.names().contains(task)) {
      return Tasks.grader(task + "/" + mode + "/" + mode);
    }
    try (StoreAccess access = StoreAccess.open(Settings.of(console), store)) {
      Optional<ImportedData> data = access.data().find(task);
      String kind =
          data.map(ImportedData::answers).orElseGet(() -> Tasks.answers(task)); // names what exists
      return Graders.of(kind, mode, mode);
    }
  }

  private BufferedReader open() throws IOException {
    boolean standardInput = file == null || file.equals("-");
    try {
      InputStream stream = standardInput ? console.in() : Files.newInputStream(Path.of(file));
      return new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
    } catch (NoSuchFileException e) {
      throw PolyphonyException.config(file + " does not exist; check the path");
    }
  }

  /** The next line; null at the end. */
  private static String line(BufferedReader reader) throws IOException {
    StringBuilder line = new StringBuilder();
    int c = reader.read();
    if (c < 0) {
      return null;
    }
    for (; c >= 0 && c != '\n'; c = reader.read()) {
      line.append((char) c);
      if (line.length() > LONGEST_LINE) {
        throw new IOException("a line of more than " + LONGEST_LINE + " characters");
      }
    }
    return line.toString();
  }

  private void graded(Grader grader, String line, String place, Map<Verdict, Integer> counts) {
    JsonNode node = object(line, place);
    String gold = field(node, "gold", place);
    boolean answer = node.has("pred");
    if (answer == node.has("text")) {
      throw PolyphonyException.data(place + " needs either \"pred\" or \"text\"; correct it");
    }
    String given = field(node, answer ? "pred" : "text", place);
    Optional<String> truth = gold == null ? Optional.empty() : grader.read(gold);
    Optional<String> extracted =
        given == null ? Optional.empty() : answer ? grader.read(given) : grader.extract(given);
    Verdict verdict =
        truth.isEmpty() || extracted.isEmpty()
            ? Verdict.DIFFERENT
            : grader.compare(extracted.get(), truth.get());
    counts.merge(verdict, 1, Integer::sum);
    ObjectNode result = JSON.createObjectNode();
    result.put("extracted", extracted.orElse(null));
    result.put("verdict", verdict.label());
    console.out().println(result);
  }

  private static JsonNode object(String line, String place) {
    try {
      JsonNode node = JSON.readTree(line);
      if (node != null && node.isObject()) {
        return node;
      }
    } catch (JsonProcessingException e) {
      throw PolyphonyException.data(
          place + " is not JSON (" + e.getOriginalMessage() + "); correct it");
    }
    throw PolyphonyException.data(place + " is not a JSON object; correct it");
  }

  /** A text or number; null where it is null. */
  private static String field(JsonNode node, String name, String place) {
    JsonNode value = node.get(name);
    if (value == null || value.isContainerNode()) {
      throw PolyphonyException.data(place + " has no text \"" + name + "\"; correct it");
    }
    return value.isNull() ? null : value.asText();
  }
}
