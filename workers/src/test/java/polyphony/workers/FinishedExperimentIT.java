package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.curves.Curves;
import polyphony.activities.tasks.Question;

/** After a real run: its society is asked, and its curves go to other programs. */
class FinishedExperimentIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static Path store;
  private static JsonNode run;
  private static List<String> questions;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private String in = "";

  @BeforeAll
  static void anExperimentIsDone() throws IOException {
    store = folder.resolve("store");
    FinishedExperimentIT first = new FinishedExperimentIT();
    for (String method : List.of("base", "multiagent-ft-no-summary")) {
      first.done(
          "run",
          "--experiment",
          method,
          "--method",
          method,
          "--evaluate-questions",
          "4",
          "--train-questions",
          "20");
    }
    run =
        first.json(
            "run",
            "--experiment",
            "mine",
            "--agents",
            "2",
            "--iterations",
            "1",
            "--train-questions",
            "20",
            "--evaluate-questions",
            "6",
            "--json");
    assertThat(run.path("iterations")).hasSize(2);
    JsonNode experiment = JSON.readTree(store.resolve("experiments/mine/experiment.json").toFile());
    String sha256 = experiment.findPath("evaluateQuestions").path("sha256").asText();
    questions =
        JsonLines.read(Files.readAllBytes(store.resolve("objects/" + sha256)), Question.class)
            .stream()
            .map(Question::text)
            .toList();
    assertThat(questions).hasSize(6);
  }

  private int run(String... arguments) {
    out.reset();
    err.reset();
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--store");
    all.add(store.toString());
    Console console =
        new Console(
            new ByteArrayInputStream(in.getBytes(StandardCharsets.UTF_8)),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    return Polyphony.execute(console, Assembly::of, all.toArray(String[]::new));
  }

  private String done(String... arguments) {
    assertThat(run(arguments)).as(err.toString(StandardCharsets.UTF_8)).isZero();
    return out.toString(StandardCharsets.UTF_8);
  }

  private JsonNode json(String... arguments) throws IOException {
    return JSON.readTree(done(arguments));
  }

  private void refused(String part, String... arguments) {
    assertThat(run(arguments)).as(String.join(" ", arguments)).isEqualTo(2);
    assertThat(out.toString(StandardCharsets.UTF_8)).isEmpty();
    assertThat(err.toString(StandardCharsets.UTF_8)).contains(part).hasLineCount(1);
  }

  /** Everything in the store but this machine's copies, by name and size. */
  private static Map<String, Long> stored() throws IOException {
    Map<String, Long> stored = new TreeMap<>();
    try (Stream<Path> files = Files.walk(store)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!store.relativize(file).startsWith(".work")) {
          stored.put(store.relativize(file).toString(), Files.size(file));
        }
      }
    }
    return stored;
  }

  /** Who said what, as {@code round agent text answer}. */
  private static List<String> said(JsonNode turns) {
    List<String> said = new ArrayList<>();
    turns.forEach(
        each ->
            said.add(
                String.join(
                    " ",
                    each.path("round").asText(),
                    each.path("agent").asText(),
                    each.path("weights").asText(),
                    each.path("text").asText(),
                    each.path("answer").asText())));
    return said;
  }

  @Test
  void anEvaluationQuestionIsDebatedJustAsItWasEvaluated() throws IOException {
    for (int iteration = 0; iteration <= 1; iteration++) {
      for (int i = 0; i < questions.size(); i++) {
        JsonNode asked =
            json("ask", "mine", questions.get(i), "--iteration", "" + iteration, "--json");
        JsonNode recorded =
            json(
                "lineage",
                "mine/iteration-00" + iteration,
                "--question",
                Integer.toString(i + 1),
                "--json");
        assertThat(said(asked.path("turns"))).hasSize(4).isEqualTo(said(recorded.path("said")));
        assertThat(asked.path("answer")).isEqualTo(recorded.path("label"));
        assertThat(asked.path("vote").path("agreeing")).isEqualTo(recorded.path("agreeing"));
        assertThat(asked.path("truth").isTextual()).isTrue();
      }
    }
  }

  @Test
  void theWeightsAreThoseOfTheRun() throws IOException {
    JsonNode weights = json("ask", "mine", "1+2*3+4-5*6", "--json").path("setting").path("weights");
    JsonNode tuned = run.path("iterations").get(1).path("weights");
    assertThat(tuned).hasSize(4);
    tuned
        .properties()
        .forEach(each -> assertThat(weights.path(each.getKey())).isEqualTo(each.getValue()));
    assertThat(weights.has("summariser")).isTrue();
  }

  @Test
  void nothingIsKeptAndTheSameSeedSaysTheSame() throws IOException {
    Map<String, Long> before = stored();
    JsonNode asked = json("ask", "mine", "1+2*3+4-5*6", "--json");
    assertThat(json("ask", "mine", "1+2*3+4-5*6", "--json")).isEqualTo(asked);
    assertThat(asked.path("truth").isNull()).isTrue();
    assertThat(asked.path("right").isNull()).isTrue();
    List<JsonNode> others = new ArrayList<>();
    for (int seed : IntStream.rangeClosed(1, 5).toArray()) {
      others.add(json("ask", "mine", "1+2*3+4-5*6", "--seed", "" + seed, "--json").path("turns"));
    }
    assertThat(others).anySatisfy(each -> assertThat(each).isNotEqualTo(asked.path("turns")));
    assertThat(stored()).isEqualTo(before);
  }

  @Test
  void aDebateGoesOnForAsManyRoundsAsAsked() throws IOException {
    in = " 1+2*3+4-5*6 \n";
    JsonNode longer = json("ask", "mine", "-", "--rounds", "3", "--json");
    assertThat(longer.path("turns")).hasSize(6);
    assertThat(longer.path("setting").path("question").asText()).isEqualTo("1+2*3+4-5*6");
    JsonNode once = json("ask", "mine", "1+2*3+4-5*6", "--rounds", "1", "--json");
    assertThat(once.path("turns")).hasSize(2);
    assertThat(said(once.path("turns"))).isEqualTo(said(longer.path("turns")).subList(0, 2));
  }

  @Test
  void forPeopleItIsPlainTextInAPipe() {
    assertThat(done("ask", "mine", questions.get(0)))
        .startsWith("mine · multiagent-ft, iteration 1 of 1 · 2 agents, 2 rounds · ")
        .contains("Round 1", "Round 2", "reads, of what the others said:", "Vote", "Answer: ")
        .doesNotContain("\u001b");
  }

  @Test
  void methodsThatDoNotDebateAnswerAsTheyDo() throws IOException {
    JsonNode alone = json("ask", "base", "1+2*3+4-5*6", "--json");
    assertThat(alone.path("turns")).hasSize(1);
    assertThat(alone.path("setting").path("weights")).hasSize(1);
    refused("base does not debate", "ask", "base", "1+2*3+4-5*6", "--rounds", "2");
    JsonNode quoted = json("ask", "multiagent-ft-no-summary", "1+2*3+4-5*6", "--json");
    assertThat(quoted.path("setting").path("weights").has("summariser")).isFalse();
    assertThat(quoted.path("turns").get(3).path("read"))
        .extracting(each -> each.path("agent").asInt() + " " + each.path("text").asText())
        .containsExactly(
            "2 " + quoted.path("turns").get(1).path("text").asText(),
            "3 " + quoted.path("turns").get(2).path("text").asText());
  }

  @Test
  void whatCannotBeAskedIsOneLine() {
    refused("cannot read \"×\"", "ask", "mine", "12+7×23");
    refused("cannot read the character U+0020", "ask", "mine", "12 + 7*23");
    refused("cannot read \"$\"", "ask", "mine", "1+2$3");
    refused("it is empty", "ask", "mine", " ");
    refused("more than the model can read", "ask", "mine", "1+2*3".repeat(200));
    refused(
        "iteration is 2, allowed: 0 (the untuned society) to 1",
        "ask",
        "mine",
        "1",
        "--iteration",
        "2");
    refused("iteration is -1", "ask", "mine", "1", "--iteration=-1");
    refused("--rounds is 9, allowed: 1 to 8", "ask", "mine", "1", "--rounds", "9");
    refused("--seed is -1", "ask", "mine", "1", "--seed=-1");
    refused("--temperature is -1.0, allowed: 0 to 10", "ask", "mine", "1", "--temperature=-1");
    refused("--temperature is NaN", "ask", "mine", "1", "--temperature=NaN");
    refused("no experiment absent", "ask", "absent", "1");
    refused("QUESTION", "ask", "mine");
  }

  @Test
  void itsCurvesAreWhatTheRunReported() throws IOException {
    Curves curves;
    try (StoreAccess access = StoredExperiments.existing(Settings.of(Map.of(), 2), store)) {
      curves = Curves.read(access.objects(), access.artifacts(), "mine");
    }
    assertThat(curves.finished()).isTrue();
    assertThat(curves.parameters())
        .containsEntry("method", "multiagent-ft")
        .containsEntry("training.epochs", "2")
        .doesNotContainKey("iterations");
    assertThat(curves.tags())
        .containsEntry(
            "polyphony.weights.critic-2",
            run.path("iterations").get(1).path("weights").path("critic-2").asText());
    for (String measure : List.of("accuracy", "consensus", "likelihood", "klToBase")) {
      Curves.Series series = only(curves, "", measure);
      assertThat(series.points()).extracting(Curves.Point::step).containsExactly(0L, 1L);
      assertThat(series.points().get(1).value())
          .isEqualTo(run.path("iterations").get(1).path(measure).asDouble());
      assertThat(series.points().get(0).time())
          .isBefore(series.points().get(1).time())
          .isAfter("2026-01-01T00:00:00Z");
    }
    Curves.Series loss = only(curves, "iteration-001", "generator-1/loss");
    assertThat(loss.points().get(0).value())
        .isEqualTo(only(curves, "", "generator-1/firstLoss").points().get(0).value());

    Path logs = folder.resolve("logs");
    assertThat(done("export", "curves", "mine", "--tensorboard", logs.toString()))
        .startsWith("2 event files below " + logs.resolve("mine"));
    assertThat(logs.resolve("mine/iteration-001/events.out.tfevents.polyphony")).isNotEmptyFile();
    assertThat(
            json("export", "curves", "mine", "--tensorboard", logs.toString(), "--json")
                .path("eventFiles"))
        .hasSize(2);
    refused("nothing is to be written", "export", "curves", "mine");
    refused("no experiment absent", "export", "curves", "absent", "--tensorboard", logs.toString());
  }

  private static Curves.Series only(Curves curves, String part, String measure) {
    List<Curves.Series> found =
        curves.series().stream()
            .filter(each -> each.part().equals(part) && each.measure().equals(measure))
            .toList();
    assertThat(found).as(part + " " + measure).hasSize(1);
    return found.get(0);
  }
}
