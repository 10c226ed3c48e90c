package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.testing.WorkflowReplayer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.FolderObjectStore;
import polyphony.storage.LocalCache;
import polyphony.storage.Sealed;
import polyphony.storage.Step;
import polyphony.storage.Steps;
import polyphony.storage.Worker;
import polyphony.workflows.FinetuningIterationImpl;
import polyphony.workflows.MultiagentFinetuningImpl;

/**
 * One byte flipped in each kind of thing that a store holds, after a real run: the audit names it,
 * a run that needs it fails with its name, and what the audit says to do heals it, down to the very
 * same weights.
 */
class DamageIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern RECOMPUTE = Pattern.compile("polyphony recompute mine (\\S+?),? ");

  @TempDir private static Path folder;
  private static Path undamaged;
  private static JsonNode iterations;

  @TempDir private Path copies;
  private Path store;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeAll
  static void anExperimentIsDone() throws IOException {
    DamageIT first = new DamageIT();
    undamaged = folder.resolve("store");
    first.store = undamaged;
    assertThat(first.runExperiment()).as(first.errors()).isZero();
    iterations = first.json().path("iterations");
    assertThat(iterations).hasSize(2);
    assertThat(iterations.get(1).path("weights")).hasSize(4);
  }

  @BeforeEach
  void aCopyOfTheStore() throws IOException {
    store = copies.resolve("store");
    try (Stream<Path> files = Files.walk(undamaged)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path relative = undamaged.relativize(file);
        // Without this machine's local copies, so that every run reads the store itself.
        if (!relative.toString().startsWith(".")) {
          Files.createDirectories(store.resolve(relative).getParent());
          Files.copy(file, store.resolve(relative));
        }
      }
    }
  }

  /** A kind of object: where a manifest names it, and which steps read it. */
  private enum Kind {
    TRAIN_QUESTIONS("/inputs/questions"),
    PROMPTS("/inputs/prompts"),
    BASE_WEIGHTS("/inputs/speaker"),
    FIRST_ANSWERS("/result/answers"),
    ANSWERS_WITH_SUMMARIES("/result/answers"),
    LABELS("/result/votes"),
    TRAINING_EXAMPLES("/inputs/examples"),
    CHECKPOINT("/result/checkpoint"),
    WEIGHTS("/result/checkpoint"),
    MEASUREMENTS("/result/measurements");

    private final String path;

    Kind(String path) {
      this.path = path;
    }

    /** Whether the manifest names the object to damage. */
    boolean names(JsonNode manifest) {
      return switch (this) {
        case TRAIN_QUESTIONS, PROMPTS, BASE_WEIGHTS, FIRST_ANSWERS ->
            is(manifest, "debate", 1, "finetune");
        case ANSWERS_WITH_SUMMARIES -> is(manifest, "debate", 2, "finetune");
        case LABELS -> is(manifest, "vote", 0, "finetune");
        case TRAINING_EXAMPLES, CHECKPOINT, WEIGHTS -> is(manifest, "train-generator", 0, "");
        case MEASUREMENTS -> is(manifest, "evaluate", 0, "");
      };
    }

    /** Whether it is the manifest of a step that reads the object. */
    boolean reads(JsonNode manifest) {
      return switch (this) {
        case TRAIN_QUESTIONS, PROMPTS, BASE_WEIGHTS -> is(manifest, "debate", 1, "finetune");
        case FIRST_ANSWERS -> is(manifest, "debate", 2, "finetune");
        case ANSWERS_WITH_SUMMARIES -> is(manifest, "vote", 0, "finetune");
        case LABELS -> is(manifest, "split", 0, "");
        case TRAINING_EXAMPLES -> is(manifest, "train-generator", 0, "");
        case CHECKPOINT, WEIGHTS -> is(manifest, "debate", 1, "evaluate");
        case MEASUREMENTS -> is(manifest, "record", 0, "");
      };
    }

    private static boolean is(JsonNode manifest, String name, int round, String purpose) {
      return manifest.path("name").asText().equals(name)
          && manifest.at("/inputs/round").asInt() == round
          && manifest.at("/inputs/purpose").asText().equals(purpose)
          && manifest.at("/inputs/iteration").asInt() == 1;
    }
  }

  private String object(Kind kind) throws IOException {
    JsonNode manifest = manifests().values().stream().filter(kind::names).findFirst().orElseThrow();
    JsonNode named = manifest.at(kind.path);
    String sha256 = named.path("sha256").asText();
    if (kind == Kind.WEIGHTS || kind == Kind.BASE_WEIGHTS) {
      return JSON.readTree(store.resolve("objects").resolve(sha256).toFile())
          .at("/model.safetensors/sha256")
          .asText();
    }
    return sha256;
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void aFlippedByteInAnObjectIsNamedFailsWhoNeedsItAndIsHealed(Kind kind) throws Exception {
    String sha256 = object(kind);
    flip(store.resolve("objects").resolve(sha256));
    JsonNode problem = onlyProblem();
    assertThat(problem.path("subject").asText()).startsWith("objects/" + sha256 + " (");
    assertThat(problem.path("wrong").asText()).startsWith("damaged: its content");

    // Somebody needs it: a step that read it is to be done again.
    for (Map.Entry<String, JsonNode> each : manifests().entrySet()) {
      if (kind.reads(each.getValue())) {
        Files.delete(store.resolve("steps").resolve(each.getKey() + ".json"));
      }
    }
    assertThat(runExperiment()).isNotZero();
    assertThat(errors()).contains("objects/" + sha256, "damaged", "polyphony recompute");

    heal(problem);
  }

  @Test
  void aTruncatedObjectAndAMissingOneAreNamedAndHealed() throws Exception {
    Path truncated = store.resolve("objects").resolve(object(Kind.LABELS));
    Files.write(truncated, new byte[] {1});
    JsonNode problem = onlyProblem();
    assertThat(problem.path("subject").asText()).contains(truncated.getFileName().toString());
    assertThat(problem.path("wrong").asText()).contains("size");
    Files.delete(truncated);
    JsonNode missing = onlyProblem();
    assertThat(missing.path("subject").asText()).contains(truncated.getFileName().toString());
    assertThat(missing.path("wrong").asText()).startsWith("missing");
    heal(missing);
  }

  @Test
  void aFlippedByteInTheRecordOfAnIterationIsNamedAndHealed() throws Exception {
    JsonNode report = JSON.readTree(store.resolve("experiments/mine/iteration-001.json").toFile());
    String sha256 = report.at("/record/sha256").asText();
    flip(store.resolve("objects").resolve(sha256));
    JsonNode problem = onlyProblem();
    assertThat(problem.path("subject").asText()).startsWith("objects/" + sha256 + " (record.json");
    assertThat(execute("compare", "mine")).isNotZero();
    assertThat(errors()).contains(sha256, "damaged");
    heal(problem);
  }

  @Test
  void aFlippedByteInAKeptHistoryIsNamedAndItIsGivenUp() throws Exception {
    Path record = file("experiments/mine/histories", "iteration-001");
    String sha256 = JSON.readTree(record.toFile()).at("/history/sha256").asText();
    flip(store.resolve("objects").resolve(sha256));
    JsonNode problem = onlyProblem();
    assertThat(problem.path("subject").asText()).contains(sha256, "iteration-001.history.json");
    heal(problem);
  }

  @Test
  void aFlippedByteInAManifestIsNamedAndTheNextRunMakesItAnew() throws Exception {
    for (String name : List.of("debate", "vote", "train-critic", "record")) {
      String key = named(name).getKey();
      flip(store.resolve("steps").resolve(key + ".json"));
      JsonNode problem = onlyProblem();
      assertThat(problem.path("subject").asText()).startsWith("steps/" + key + ".json (");
      heal(problem);
    }
  }

  @Test
  void aManifestThatIsNoJsonAndOneThatIsMissingAreNamedAndMadeAnew() throws Exception {
    String key = named("vote").getKey();
    Path manifest = store.resolve("steps").resolve(key + ".json");
    Files.writeString(manifest, "{\"name\": \"vote\", ");
    assertThat(onlyProblem().path("subject").asText()).startsWith("steps/" + key + ".json (");
    Files.delete(manifest);
    JsonNode problem = onlyProblem();
    assertThat(problem.path("subject").asText()).startsWith("steps/" + key + ".json (");
    assertThat(problem.path("wrong").asText()).startsWith("missing");
    heal(problem);
  }

  @Test
  void aManifestWithAnotherResultThanTheHistoryTellsIsNamed() throws Exception {
    Map.Entry<String, JsonNode> vote = named("vote");
    Path manifest = store.resolve("steps").resolve(vote.getKey() + ".json");
    String json = Files.readString(manifest);
    int end = json.indexOf(",\"seal\":");
    String other = (json.substring(0, end) + "}").replaceFirst("\"ties\":[0-9]+", "\"ties\":77");
    Files.write(manifest, Sealed.seal(other.getBytes(StandardCharsets.UTF_8)));
    JsonNode problem = onlyProblem();
    assertThat(problem.path("subject").asText()).startsWith("steps/" + vote.getKey());
    assertThat(problem.path("wrong").asText()).contains("history");
    heal(problem);
  }

  @Test
  void aFlippedByteInARecordIsNamedStopsWhoNeedsItAndIsHealed() throws Exception {
    Path experiment = store.resolve("experiments/mine/experiment.json");
    flip(experiment);
    JsonNode problem = onlyProblem();
    assertThat(problem.path("subject").asText()).isEqualTo("experiments/mine/experiment.json");
    assertThat(runExperiment()).isNotZero();
    assertThat(errors()).contains("experiments/mine/experiment.json", "damaged");
    heal(problem);

    flip(store.resolve("experiments/mine/iteration-001.json"));
    problem = onlyProblem();
    assertThat(problem.path("subject").asText()).isEqualTo("experiments/mine/iteration-001.json");
    assertThat(execute("compare", "mine")).isNotZero();
    assertThat(errors()).contains("experiments/mine/iteration-001.json", "damaged");
    heal(problem);

    flip(file("uses/mine", named("split").getKey()));
    problem = onlyProblem();
    assertThat(problem.path("subject").asText()).startsWith("uses/mine/" + named("split").getKey());
    heal(problem);

    flip(file("experiments/mine/histories", "iteration-000."));
    problem = onlyProblem();
    assertThat(problem.path("subject").asText())
        .startsWith("experiments/mine/histories/iteration-000.");
    heal(problem);
  }

  @Test
  void aFlippedByteInTheCommitsOfATrainingIsNamedAndTheTrainingIsDoneAgain() throws Exception {
    Map.Entry<String, JsonNode> training = named("train-generator");
    Files.delete(store.resolve("steps").resolve(training.getKey() + ".json"));
    ArtifactRef state = interrupt(training.getValue());
    flip(store.resolve("objects").resolve(state.sha256()));
    JsonNode problem = problems().get(0);
    assertThat(problem.path("subject").asText()).contains(training.getKey());
    JsonNode named = problems().get(1).path("subject");
    assertThat(named.asText() + problem.path("subject").asText())
        .contains("objects/" + state.sha256());
    assertThat(runExperiment()).isNotZero();
    assertThat(errors()).contains(state.sha256(), "damaged");
    assertThat(execute("recompute", "mine", training.getKey().substring(0, 16)))
        .as(errors())
        .isZero();
    endsInTheSameWeights();
    assertThat(problems()).isEmpty();

    // The commit itself: it does not count, and its work is done again.
    Files.delete(store.resolve("steps").resolve(training.getKey() + ".json"));
    interrupt(training.getValue());
    flip(file("progress/" + training.getKey(), "00000000"));
    assertThat(problems().toString()).contains("progress/" + training.getKey() + "/00000000.json");
    endsInTheSameWeights();
    assertThat(problems()).isEmpty();
  }

  /** Leaves a training as if its worker had been killed after its first commit. */
  private ArtifactRef interrupt(JsonNode manifest) throws Exception {
    List<ArtifactRef> states = new ArrayList<>();
    try (FolderObjectStore objects = new FolderObjectStore(store);
        LocalCache cache = new LocalCache(copies.resolve("cache"), 1 << 20)) {
      Steps steps =
          new Steps(
              objects,
              new Artifacts(objects, cache),
              Worker.here("cpu", Map.of()),
              Clock.systemUTC());
      steps.run(
          new Step(
              manifest.path("name").asText(),
              manifest.path("version").asInt(),
              manifest.path("inputs")),
          JsonNode.class,
          attempt -> {
            byte[] state = "a state".getBytes(StandardCharsets.UTF_8);
            states.add(attempt.put(state, "application/x-safetensors", "state.safetensors"));
            ArtifactRef curve = attempt.put(new byte[0], "application/jsonl", "curve.jsonl");
            attempt.commit(Map.of("step", 0, "state", states.get(0), "curve", curve));
            return Optional.empty();
          });
    }
    return states.get(0);
  }

  @Test
  void objectsThatNobodyNamesAreNotedAndPrunedOnceOld() throws Exception {
    Path stray = Files.write(store.resolve("objects").resolve("0".repeat(64)), new byte[] {1, 2});
    assertThat(execute("audit", "mine", "--store", store.toString())).as(errors()).isZero();
    assertThat(output())
        .contains("note: 1 object of the store (2 bytes)", "clean: all is as recorded");
    Files.setLastModifiedTime(stray, FileTime.from(Instant.now().minusSeconds(90_000)));
    assertThat(execute("prune", "--older-than", "1d")).isZero();
    assertThat(output()).contains("would be deleted", "objects", "--delete");
    assertThat(stray).exists();
    assertThat(execute("prune", "--older-than", "1d", "--delete")).isZero();
    assertThat(stray).doesNotExist();
    assertThat(problems()).isEmpty();
  }

  @Test
  void aPrunedExperimentIsGoneAndCanBeRunAgain() throws Exception {
    try (Stream<Path> files = Files.walk(store)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.setLastModifiedTime(file, FileTime.fromMillis(0));
      }
    }
    assertThat(execute("prune", "mine", "--delete")).as(errors()).isZero();
    try (Stream<Path> left = Files.walk(store)) {
      assertThat(left.filter(Files::isRegularFile).filter(file -> !file.toString().contains("/.")))
          .isEmpty();
    }
    assertThat(execute("audit", "mine")).isEqualTo(2);
    assertThat(errors()).contains("no experiment mine");
    assertThat(execute("prune", "mine")).isEqualTo(2);
    assertThat(execute("prune", "--older-than", "0d")).isEqualTo(2);
    endsInTheSameWeights();
  }

  @Test
  void keptHistoriesReplay() throws Exception {
    int replayed = 0;
    try (Stream<Path> records = Files.list(store.resolve("experiments/mine/histories"))) {
      for (Path record : records.toList()) {
        JsonNode kept = JSON.readTree(record.toFile());
        String history =
            Files.readString(store.resolve("objects").resolve(kept.at("/history/sha256").asText()));
        WorkflowReplayer.replayWorkflowExecution(
            WorkflowExecutionHistory.fromJson(history, kept.path("workflowId").asText()),
            MultiagentFinetuningImpl.class,
            FinetuningIterationImpl.class);
        replayed++;
      }
    }
    assertThat(replayed).isEqualTo(3);
  }

  @Test
  void anAccuracyLeadsToWeightsExamplesAndDataAndBack() throws Exception {
    assertThat(execute("lineage", "mine", "--json")).as(errors()).isZero();
    String origins = json().toString();
    assertThat(origins)
        .contains(
            "accuracy ",
            "evaluate of iteration 1",
            "debate of iteration 1, round 2",
            "train-generator of iteration 1",
            "split of iteration 1",
            "train-questions.jsonl",
            "checkpoint.json");

    assertThat(execute("lineage", "mine/iteration-001/generator-1", "--examples", "--json"))
        .as(errors())
        .isZero();
    JsonNode examples = json().path("examples");
    assertThat(examples).hasSize(iterations.at("/1/generatorExamples/0").asInt()).isNotEmpty();
    for (JsonNode example : examples) {
      // The answer that it names is really there.
      List<String> lines =
          Files.readAllLines(store.resolve("objects").resolve(example.path("answers").asText()));
      JsonNode answer = JSON.readTree(lines.get(example.path("answerLine").asInt() - 1));
      assertThat(answer.path("question")).isEqualTo(example.path("question"));
      assertThat(answer.path("round").asInt()).isEqualTo(1);
      assertThat(example.path("agent").asInt()).isPositive();
    }

    assertThat(execute("lineage", "mine", "--question", "1", "--json")).as(errors()).isZero();
    JsonNode story = json();
    assertThat(story.path("said")).hasSize(4);
    String weights = iterations.at("/1/weights/generator-1").asText();
    assertThat(story.at("/said/0/weights").asText()).isEqualTo(weights);

    assertThat(execute("lineage", weights.substring(0, 12), "--uses", "--json")).isZero();
    assertThat(json().toString()).contains("debate of iteration 1", "record of iteration 1");
    assertThat(execute("lineage", "mine/iteration-007")).isEqualTo(2);
    assertThat(execute("lineage", "ffffffffffffffff")).isEqualTo(2);
  }

  @Test
  void gradingAgainChangesNothingUnlessItIsAskedFor() throws Exception {
    assertThat(execute("re-grade", "mine", "--json")).as(errors()).isZero();
    JsonNode same = json().path("iterations");
    assertThat(same).hasSize(2);
    for (int i = 0; i < 2; i++) {
      assertThat(same.get(i).at("/accuracy/before")).isEqualTo(iterations.get(i).path("accuracy"));
      assertThat(same.get(i).at("/accuracy/after")).isEqualTo(same.get(i).at("/accuracy/before"));
      assertThat(same.get(i).at("/consensus/after")).isEqualTo(same.get(i).at("/consensus/before"));
      assertThat(same.get(i).path("verdicts")).isEmpty();
    }
    JsonNode sets = same.get(1).at("/finetuning/sets");
    assertThat(sets).hasSize(6);
    for (int agent = 0; agent < 2; agent++) {
      assertThat(sets.get(agent).at("/size/before"))
          .isEqualTo(iterations.get(1).path("generatorExamples").get(agent));
    }

    // The compact dialect has no boxes: the released code reads none of its answers.
    assertThat(execute("re-grade", "mine", "--extractor", "released-code", "--json")).isZero();
    JsonNode unread = json().path("iterations");
    assertThat(unread.get(1).at("/accuracy/after").asDouble(-1)).isZero();
    assertThat(unread.get(1).at("/finetuning/labelled/after").asInt(-1)).isZero();
    assertThat(unread.get(1).at("/finetuning/labels"))
        .hasSize(unread.get(1).at("/finetuning/labelled/before").asInt())
        .isNotEmpty();
    assertThat(unread.get(1).at("/finetuning/sets/0/left"))
        .hasSize(iterations.at("/1/generatorExamples/0").asInt());
    assertThat(execute("re-grade", "mine", "--extractor", "released-code")).isZero();
    assertThat(output())
        .contains("mine: recorded as arithmetic, graded again as arithmetic/released-code/default")
        .contains("→ 0.000 ± 0.000");
    assertThat(problems()).as("nothing is changed").isEmpty();

    JsonNode vote = named("vote").getValue();
    Files.delete(store.resolve("objects").resolve(vote.at("/inputs/answers/0/0/sha256").asText()));
    assertThat(execute("re-grade", "mine")).isEqualTo(2);
    assertThat(errors()).contains("pruned or lost").hasLineCount(1);
  }

  /** Does what the audit says; then all is as before. */
  private void heal(JsonNode problem) throws IOException {
    Matcher recompute = RECOMPUTE.matcher(problem.path("remedy").asText() + " ");
    if (recompute.find()) {
      assertThat(execute("recompute", "mine", recompute.group(1))).as(errors()).isZero();
    }
    endsInTheSameWeights();
    assertThat(problems()).isEmpty();
  }

  private void endsInTheSameWeights() throws IOException {
    assertThat(runExperiment()).as(errors()).isZero();
    assertThat(json().path("iterations")).isEqualTo(iterations);
  }

  private JsonNode onlyProblem() throws IOException {
    JsonNode problems = problems();
    assertThat(problems).as(problems.toPrettyString()).hasSize(1);
    return problems.get(0);
  }

  private JsonNode problems() throws IOException {
    int exitCode = execute("audit", "mine", "--json");
    assertThat(exitCode).as(errors()).isBetween(0, 1);
    JsonNode problems = json().path("problems");
    assertThat(exitCode).isEqualTo(problems.isEmpty() ? 0 : 1);
    return problems;
  }

  /** A step of iteration 1. */
  private Map.Entry<String, JsonNode> named(String name) throws IOException {
    return manifests().entrySet().stream()
        .filter(each -> each.getValue().path("name").asText().equals(name))
        .filter(each -> each.getValue().at("/inputs/iteration").asInt() == 1)
        .findFirst()
        .orElseThrow();
  }

  private Map<String, JsonNode> manifests() throws IOException {
    Map<String, JsonNode> manifests = new TreeMap<>();
    try (Stream<Path> files = Files.list(store.resolve("steps"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        manifests.put(
            file.getFileName().toString().replace(".json", ""), JSON.readTree(file.toFile()));
      }
    }
    return manifests;
  }

  private Path file(String under, String start) throws IOException {
    try (Stream<Path> files = Files.list(store.resolve(under))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith(start))
          .findFirst()
          .orElseThrow();
    }
  }

  private static void flip(Path file) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      bytes[bytes.length / 2] ^= 1;
      Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private int runExperiment() {
    return execute(
        "run",
        "--experiment",
        "mine",
        "--agents",
        "2",
        "--rounds",
        "2",
        "--iterations",
        "1",
        "--train-questions",
        "8",
        "--evaluate-questions",
        "4",
        "--json");
  }

  private int execute(String... arguments) {
    out.reset();
    err.reset();
    List<String> all = new ArrayList<>(List.of(arguments));
    if (!all.contains("--store")) {
      all.addAll(List.of("--store", store.toString()));
    }
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    return Polyphony.execute(console, Assembly::of, all.toArray(String[]::new));
  }

  private JsonNode json() throws IOException {
    return JSON.readTree(out.toByteArray());
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
