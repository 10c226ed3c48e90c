package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Tokenizer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.ArithmeticTask;
import polyphony.activities.tasks.Question;
import polyphony.activities.train.TrainStep;
import polyphony.storage.Sealed;

/**
 * A person's own questions, and questions of another task than was finetuned on, through the whole
 * program: from the file to the numbers, and to what the records tell of them.
 */
class TransferIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static Path store;
  private static JsonNode own;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private UnaryOperator<LanguageModelRuntime> models = UnaryOperator.identity();

  /** An experiment of the built-in model on imported questions in its dialect. */
  @BeforeAll
  static void anExperimentOnOwnQuestions() throws IOException {
    store = folder.resolve("store");
    SplittableRandom random = new SplittableRandom(1);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 160; i++) {
      Question question =
          ArithmeticTask.question(
              random.nextInt(30),
              random.nextInt(30),
              random.nextInt(30),
              random.nextInt(30),
              random.nextInt(30),
              random.nextInt(30));
      ObjectNode line = JSON.createObjectNode();
      lines.add(line.put("question", question.text()).put("answer", question.answer()).toString());
    }
    Path file = Files.write(folder.resolve("mine.jsonl"), lines);
    TransferIT before = new TransferIT();
    before.done("data", "import", "mine", file.toString(), "--answers", "number");
    before.done(
        sized(List.of("run", "--task", "mine", "--experiment", "own"), "--iterations", "1"));
    own = experiment("own");
  }

  @Test
  void anImportedTaskIsFinetunedAndEvaluatedOn() throws IOException {
    assertThat(own.at("/spec/task/name").asText()).isEqualTo("mine");
    assertThat(own.at("/spec/task/answers").asText()).isEqualTo("number-1");
    assertThat(own.at("/spec/promptSet").asText()).isEqualTo("compact");
    assertThat(own.has("evaluatePrompts")).isFalse();
    assertThat(questions(own, "trainQuestions")).hasSize(12);
    assertThat(questions(own, "evaluateQuestions")).hasSize(12);
    for (int iteration = 0; iteration <= 1; iteration++) {
      JsonNode report = sealed("experiments/own/iteration-00" + iteration + ".json");
      assertThat(report.path("questions").asInt()).isEqualTo(12);
      // The model of this dialect answers more than half of such questions, untuned.
      assertThat(report.path("accuracy").asDouble()).isBetween(0.3, 1.0);
    }
    JsonNode tuned = sealed("experiments/own/iteration-001.json");
    assertThat(tuned.path("labelPrecision").asDouble()).isPositive();
    assertThat(tuned.path("generatorExamples")).hasSize(2).allMatch(each -> each.asInt() > 0);
    assertThat(gradings(own)).containsExactly("evaluate number-1", "finetune number-1");
  }

  @Test
  void whatIsFinetunedOnOneTaskIsEvaluatedOnAnother() throws IOException {
    List<String> transfer =
        List.of(
            "run",
            "--task",
            "mine",
            "--iterations",
            "1",
            "--experiment",
            "transfer",
            "--evaluate-on",
            "arithmetic",
            "--evaluate-operands",
            "60");
    done(sized(transfer));
    assertThat(output())
        .endsWith("finetuned on mine, evaluated on arithmetic with operands up to 60\n");

    JsonNode experiment = experiment("transfer");
    assertThat(experiment.path("trainQuestions")).isEqualTo(own.path("trainQuestions"));
    assertThat(experiment.at("/spec/task/evaluate").isMissingNode()).isTrue();
    assertThat(experiment.at("/spec/evaluateOn/evaluate").asInt()).isEqualTo(12);
    assertThat(questions(experiment, "evaluateQuestions"))
        .hasSize(12)
        .anyMatch(question -> question.matches(".*\\b(3[0-9]|4[0-9]|5[0-9]|60)\\b.*"));
    assertThat(gradings(experiment)).containsExactly("evaluate arithmetic", "finetune number-1");
    JsonNode tuned = sealed("experiments/transfer/iteration-001.json");
    assertThat(tuned.path("accuracy").asDouble()).isBetween(0.0, 1.0);
    // What is finetuned does not depend on what is evaluated on.
    assertThat(tuned.path("weights"))
        .isEqualTo(sealed("experiments/own/iteration-001.json").path("weights"));
    done(sized(transfer, "--json"));
    assertThat(JSON.readTree(output()).path("evaluateOn").asText())
        .isEqualTo("arithmetic with operands up to 60");
    assertThat(JSON.readTree(output()).path("computedSteps").asInt()).isZero();

    done("audit", "transfer");
    done("status", "transfer");
    assertThat(output())
        .contains("multiagent-ft on mine, evaluated on arithmetic with operands up to 60");
    done("list");
    assertThat(output()).contains("mine → arithmetic with operands up to 60");
    done("lineage", "transfer", "--question", "1");
    done("compare", "transfer");
    // What was evaluated on another task stands apart.
    done("compare", "transfer", "own");
    assertThat(output())
        .contains("arithmetic with operands up to 60, base model built-in")
        .contains("mine, base model built-in");
    assertThat(run("run", "--experiment", "transfer", "--evaluate-operands", "50")).isEqualTo(2);
    assertThat(errors()).contains("evaluateOn.name is not set");
    assertThat(
            run(
                "run",
                "--experiment",
                "transfer",
                "--evaluate-on",
                "arithmetic",
                "--evaluate-operands",
                "50"))
        .isEqualTo(2);
    assertThat(errors()).contains("evaluateOn.operands is 60 in the recorded experiment, not 50");
  }

  @Test
  void iterationsFinetuneOnQuestionsOfTheirOwn() throws IOException {
    List<String> fresh =
        List.of(
            "run",
            "--task",
            "mine",
            "--questions",
            "fresh",
            "--experiment",
            "fresh",
            "--iterations");
    done(sized(fresh, "1"));
    // Extended, as far as the task has questions.
    done(sized(fresh, "2"));
    assertThat(run(sized(fresh, "30"))).isEqualTo(2);
    assertThat(errors())
        .containsPattern(
            "task mine has \\d+ questions to finetune on, not 12 for each of 30 iterations; ask for"
                + " fewer, or for \"questions\": \"fixed\"");
    JsonNode experiment = experiment("fresh");
    assertThat(experiment.path("trainQuestions")).isEqualTo(own.path("trainQuestions"));
    Set<String> seen = new HashSet<>(questions(experiment, "evaluateQuestions"));
    seen.addAll(questions(experiment, "trainQuestions"));
    List<JsonNode> drawn = manifests("fresh-questions");
    assertThat(drawn).hasSize(1);
    assertThat(questions(drawn.get(0).path("result"), "questions"))
        .hasSize(12)
        .allMatch(seen::add, "is not a question of another iteration, nor evaluated on");
    assertThat(sealed("experiments/fresh/iteration-002.json").path("labelPrecision").asDouble())
        .isPositive();
    done("audit", "fresh");
    done(sized(fresh, "2", "--json"));
    assertThat(JSON.readTree(output()).path("computedSteps").asInt()).isZero();
  }

  /** The paper's own transfer, with a model that knows some answers and is asked in words. */
  @Test
  void arithmeticIsFinetunedOnAndPublishedQuestionsAreEvaluatedOn() throws IOException {
    Path published = folder.resolve("gsm8k");
    Files.createDirectories(published);
    Map<String, String> known = new LinkedHashMap<>();
    StringBuilder characters = new StringBuilder();
    for (String part : List.of("train.jsonl", "test.jsonl")) {
      List<String> lines = gsm8k(part).stream().limit(30).toList();
      Files.write(published.resolve(part), lines);
      for (String line : lines) {
        JsonNode question = JSON.readTree(line);
        String answer = question.path("answer").asText();
        known.put(
            question.path("question").asText(),
            answer.substring(answer.lastIndexOf("####") + 4).strip());
        characters.append(question.path("question").asText());
      }
    }
    Path model = folder.resolve("wide");
    aModelThatReads(characters.toString(), model);
    models = runtime -> new Pupils(runtime, known);
    done("model", "import", model.toString(), "--name", "wide");
    done("data", "import", "gsm8k", published.toString());
    Path spec =
        Files.writeString(
            folder.resolve("gsm8k.json"),
            "{\"baseModel\": \"wide\", \"agents\": 2, \"iterations\": 1, \"task\": {\"train\": 4},"
                + " \"evaluateOn\": {\"name\": \"gsm8k\", \"evaluate\": 10}}");
    done("run", spec.toString(), "--experiment", "words");
    JsonNode experiment = experiment("words");
    assertThat(experiment.at("/spec/promptSet").asText()).isEqualTo("task");
    assertThat(PromptSet.read(object(experiment.path("prompts"))))
        .isEqualTo(PromptSet.named("standard"));
    assertThat(PromptSet.read(object(experiment.path("evaluatePrompts"))))
        .isEqualTo(PromptSet.named("gsm8k"));
    assertThat(gradings(experiment)).containsExactly("evaluate number-1", "finetune arithmetic");
    List<String> evaluated = questions(experiment, "evaluateQuestions");
    double right = evaluated.stream().filter(Pupils::knows).count() / (double) evaluated.size();
    assertThat(right).isBetween(0.05, 0.95);
    for (int iteration = 0; iteration <= 1; iteration++) {
      JsonNode report = sealed("experiments/words/iteration-00" + iteration + ".json");
      assertThat(report.path("accuracy").asDouble()).isEqualTo(right);
      assertThat(report.path("consensus").asDouble()).isEqualTo(1.0);
    }
    assertThat(sealed("experiments/words/iteration-001.json").path("labelPrecision").asDouble())
        .isEqualTo(1.0);
    done("audit", "words");
  }

  @Test
  void questionsThatTheModelCannotReadEndTheRunWithALine() throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      lines.add("{\"question\": \"How many are " + i + " apples?\", \"answer\": \"" + i + "\"}");
    }
    Path file = Files.write(folder.resolve("words.jsonl"), lines);
    done("data", "import", "apples", file.toString(), "--answers", "number");
    assertThat(
            run("run", "--task", "apples", "--train-questions", "4", "--evaluate-questions", "4"))
        .isEqualTo(2);
    assertThat(errors().lines().filter(line -> line.startsWith("polyphony: ")))
        .singleElement()
        .asString()
        .contains("questions or prompts in such characters need another model");
  }

  private static List<String> gsm8k(String part) throws IOException {
    String data = System.getenv("POLYPHONY_TEST_DATA");
    Assumptions.assumeTrue(
        data != null, "left out for want of gsm8k: set POLYPHONY_TEST_DATA to run it");
    return Files.readAllLines(Path.of(data, "gsm8k", part));
  }

  /** An untrained model with a token for each character of these and of the prompts. */
  private static void aModelThatReads(String characters, Path model) {
    String prompts =
        Stream.of("standard", "gsm8k")
            .flatMap(name -> PromptSet.named(name).templates().values().stream())
            .collect(Collectors.joining());
    String alphabet =
        (characters + prompts + "0123456789+-*/=\\{}ABab .?\n")
            .codePoints()
            .distinct()
            .sorted()
            .mapToObj(Character::toString)
            .collect(Collectors.joining());
    NewLanguageModel.write(
        model,
        new DecoderConfig(
            NewLanguageModel.vocabularySize(alphabet),
            16,
            1,
            2,
            1,
            8,
            32,
            10_000,
            1e-5,
            8192,
            true),
        alphabet,
        new NewLanguageModel.SpecialTokens("<s>", "</s>", "<pad>"),
        CompactDialect.CHAT_TEMPLATE,
        1,
        0.05f);
  }

  /** Models that work every sum out, and remember the answers to half of the questions in words. */
  private record Pupils(LanguageModelRuntime real, Map<String, String> answers)
      implements LanguageModelRuntime {
    private static final Pattern SUM =
        Pattern.compile("(\\d+)\\+(\\d+)\\*(\\d+)\\+(\\d+)-(\\d+)\\*(\\d+)");

    static boolean knows(String question) {
      return question.length() % 2 == 0;
    }

    private String answer(String prompt) {
      for (Map.Entry<String, String> each : answers.entrySet()) {
        if (prompt.contains(each.getKey())) {
          return "\\boxed{" + (knows(each.getKey()) ? each.getValue() : "0") + "}";
        }
      }
      Matcher sum = SUM.matcher(prompt);
      if (!sum.find()) {
        return "Both are about a boxed answer.";
      }
      int[] x = new int[6];
      for (int i = 0; i < 6; i++) {
        x[i] = Integer.parseInt(sum.group(i + 1));
      }
      return "\\boxed{" + (x[0] + x[1] * x[2] + x[3] - x[4] * x[5]) + "}";
    }

    @Override
    public Sampler sampler(List<LanguageModel> models) {
      LanguageModel model = models.get(0);
      Tokenizer tokenizer = model.tokenizer();
      return new Sampler() {
        @Override
        public List<Continuation> sample(List<Prompt> batch, SamplingSettings settings) {
          return batch.stream()
              .map(prompt -> answer(tokenizer.decode(prompt.tokens())))
              .map(said -> new Continuation(tokenizer.encode(said + "</s>"), true))
              .toList();
        }

        @Override
        public void close() {
          tokenizer.close();
        }
      };
    }

    @Override
    public Scorer scorer(List<LanguageModel> models) {
      LanguageModel model = models.get(0);
      return real.scorer(model);
    }

    @Override
    public Trainer trainer(
        LanguageModel model,
        TrainingBatches batches,
        TrainingSettings settings,
        Optional<Path> state) {
      return real.trainer(model, batches, settings, state);
    }

    @Override
    public Map<String, String> versions() {
      return real.versions();
    }
  }

  /** A command for few questions and agents. */
  private static String[] sized(List<String> command, String... more) {
    List<String> arguments = new ArrayList<>(command);
    arguments.addAll(List.of(more));
    arguments.addAll(
        List.of("--train-questions", "12", "--evaluate-questions", "12", "--agents", "2"));
    return arguments.toArray(String[]::new);
  }

  private void done(String... arguments) {
    assertThat(run(arguments)).as(errors()).isZero();
  }

  private int run(String... arguments) {
    out.reset();
    err.reset();
    Console console =
        new Console(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            false,
            100);
    Instruments instruments =
        new Instruments(
            models, UnaryOperator.identity(), TrainStep.COMMIT_INTERVAL, StepMain.class);
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--store", store.toString()));
    return Polyphony.execute(console, instruments, all.toArray(String[]::new));
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private static JsonNode experiment(String name) throws IOException {
    return sealed("experiments/" + name + "/experiment.json");
  }

  private static JsonNode sealed(String key) throws IOException {
    return JSON.readTree(Sealed.content(Files.readAllBytes(store.resolve(key))));
  }

  private static byte[] object(JsonNode artifact) {
    try {
      return Files.readAllBytes(store.resolve("objects").resolve(artifact.path("sha256").asText()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> questions(JsonNode of, String field) throws IOException {
    List<String> questions = new ArrayList<>();
    for (String line :
        new String(object(of.path(field)), StandardCharsets.UTF_8).lines().toList()) {
      questions.add(JSON.readTree(line).path("text").asText());
    }
    return questions;
  }

  /** The finished steps of a name. */
  private static List<JsonNode> manifests(String name) throws IOException {
    List<JsonNode> manifests = new ArrayList<>();
    try (Stream<Path> files = Files.list(store.resolve("steps"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        JsonNode manifest = JSON.readTree(Sealed.content(Files.readAllBytes(file)));
        if (manifest.path("name").asText().equals(name)) {
          manifests.add(manifest);
        }
      }
    }
    return manifests;
  }

  /** For what its questions are debated and how answers are graded, such as evaluate number-1. */
  private static Set<String> gradings(JsonNode experiment) throws IOException {
    Set<String> gradings = new TreeSet<>();
    for (JsonNode step : manifests("debate")) {
      JsonNode inputs = step.path("inputs");
      String purpose = inputs.path("purpose").asText();
      String set = purpose.equals("finetune") ? "trainQuestions" : "evaluateQuestions";
      if (inputs.path("questions").equals(experiment.path(set))) {
        gradings.add(purpose + " " + inputs.path("task").asText());
      }
    }
    return gradings;
  }
}
