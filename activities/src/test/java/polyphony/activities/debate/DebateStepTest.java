package polyphony.activities.debate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.StepProgress;
import polyphony.activities.TestSteps;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.SamplingSettings;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.Tokenizer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.prompts.PromptSet;
import polyphony.activities.tasks.Question;
import polyphony.storage.ArtifactRef;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.Debate;
import polyphony.workflows.DebateRound;
import polyphony.workflows.Method;
import polyphony.workflows.Purpose;
import polyphony.workflows.SamplingSpec;

class DebateStepTest {
  private static final int AGENTS = 3;
  private static final int QUESTIONS = 7;

  @TempDir Path folder;
  private TestSteps steps;
  private Tokenizer tokenizer;
  private ArtifactRef questions;
  private ArtifactRef prompts;
  private List<ArtifactRef> models;
  private final Parrots runtime = new Parrots();

  /** What one model was asked, in order. */
  private record Asked(Path model, String prompt, long seed, int batch) {}

  /**
   * Models that say {@code #n} with a number that follows from the prompt and the seed, and every
   * fifth of them without an end token.
   */
  private final class Parrots implements LanguageModelRuntime {
    private long memory = Long.MAX_VALUE;
    final List<Asked> asked = new ArrayList<>();
    int opened;
    private int open;
    int batches;
    int failAfter = Integer.MAX_VALUE;

    /** Rows that there is memory for together, though more were planned. */
    int room = Integer.MAX_VALUE;

    final List<Integer> sizes = new ArrayList<>();

    @Override
    public Sampler sampler(List<LanguageModel> models) {
      assertThat(models).extracting(LanguageModel::folder).containsOnly(models.get(0).folder());
      opened++;
      open++;
      assertThat(open).as("bases in memory").isEqualTo(1);
      return new Sampler() {
        @Override
        public List<Continuation> sample(List<Prompt> batch, SamplingSettings settings) {
          assertThat(settings).isEqualTo(new SamplingSettings(1.0, 0.9, 8));
          if (batches == failAfter) {
            throw PolyphonyException.infrastructure("the machine is gone", null);
          }
          sizes.add(batch.size());
          if (batch.size() > room) {
            throw new PolyphonyException(ErrorClass.OUT_OF_MEMORY, "too many rows");
          }
          List<Continuation> continuations = new ArrayList<>();
          for (Prompt prompt : batch) {
            asked.add(
                new Asked(
                    folder(models.get(prompt.model())),
                    tokenizer.decode(prompt.tokens()),
                    prompt.seed(),
                    batches));
            int number = Math.floorMod(31L * Arrays.hashCode(prompt.tokens()) + prompt.seed(), 90);
            boolean ended = number % 5 != 0;
            continuations.add(
                new Continuation(tokenizer.encode("#" + number + (ended ? "$" : "")), ended));
          }
          batches++;
          return continuations;
        }

        @Override
        public void close() {
          open--;
        }
      };
    }

    /** The adapter's own, where there is one. */
    private static Path folder(LanguageModel model) {
      return model.adapter().map(Adapter::folder).orElse(model.folder());
    }

    @Override
    public Scorer scorer(List<LanguageModel> models) {
      throw new AssertionError("a debate scores nothing");
    }

    @Override
    public Trainer trainer(
        LanguageModel model,
        TrainingBatches trainingBatches,
        TrainingSettings settings,
        Optional<Path> state) {
      throw new AssertionError("a debate trains nothing");
    }

    @Override
    public long memory() {
      return memory;
    }

    @Override
    public Map<String, String> versions() {
      return Map.of();
    }
  }

  @BeforeEach
  void aSociety() {
    steps = new TestSteps(folder);
    models = new ArrayList<>();
    for (int seed = 0; seed < 2; seed++) {
      Path model = folder.resolve("model-" + seed);
      LanguageModel opened = TinyModels.random(model, TinyModels.config(true), seed);
      if (tokenizer == null) {
        tokenizer = opened.tokenizer();
      }
      models.add(Checkpoints.put(model, steps.artifacts()::put));
    }
    List<Question> set = new ArrayList<>();
    for (int i = 0; i < QUESTIONS; i++) {
      // Of different lengths, so that batches are not in question order.
      String text = "1".repeat(1 + i * 3 % QUESTIONS) + "+2*3";
      set.add(new Question("q" + i, text, "0"));
    }
    questions = steps.put(JsonLines.write(set));
    prompts = steps.put(PromptSet.named("compact").bytes());
  }

  @AfterEach
  void close() {
    tokenizer.close();
    steps.close();
  }

  private Debate.Request request(
      int agent,
      int round,
      int from,
      int to,
      List<ArtifactRef> previous,
      boolean summaries,
      int batchSize) {
    return new Debate.Request(
        11,
        Purpose.FINETUNE,
        1,
        agent,
        round,
        "arithmetic",
        questions,
        from,
        to,
        prompts,
        models.get(0),
        summaries ? models.get(1) : null,
        previous,
        new SamplingSpec(1.0, 0.9, 8),
        batchSize,
        Map.of(),
        null,
        null,
        null);
  }

  private Optional<Debate.Result> run(TestSteps in, Debate.Request request, BooleanSupplier stop) {
    DebateStep step = new DebateStep(in.checkpoints(), runtime);
    return in.run(
        DebateStep.NAME,
        request,
        Debate.Result.class,
        attempt -> step.run(request, attempt, StepProgress.NONE),
        stop);
  }

  private Debate.Result run(Debate.Request request) {
    return run(steps, request, () -> false).orElseThrow();
  }

  /** All agents' turns of a round at once. */
  private Optional<DebateRound.Result> runRound(
      TestSteps in, DebateRound.Request request, BooleanSupplier stop) {
    DebateStep step = new DebateStep(in.checkpoints(), runtime);
    return in.run(
        DebateStep.ROUND,
        request,
        DebateRound.Result.class,
        attempt -> step.runRound(request, attempt, StepProgress.NONE),
        stop);
  }

  private List<Debate.Request> turns(int round, List<ArtifactRef> previous, boolean summaries) {
    return IntStream.range(0, AGENTS)
        .mapToObj(agent -> request(agent, round, 0, QUESTIONS, previous, summaries, 4))
        .toList();
  }

  private static Debate.Request spokenBy(ArtifactRef speaker, Debate.Request turn) {
    return new Debate.Request(
        turn.seed(),
        turn.purpose(),
        turn.iteration(),
        turn.agent(),
        turn.round(),
        turn.task(),
        turn.questions(),
        turn.from(),
        turn.to(),
        turn.prompts(),
        speaker,
        turn.summariser(),
        turn.previous(),
        turn.sampling(),
        turn.batchSize(),
        turn.versions(),
        turn.style(),
        turn.agents(),
        turn.mistakes());
  }

  private List<ArtifactRef> round(int round, List<ArtifactRef> previous, boolean summaries) {
    List<ArtifactRef> answers = new ArrayList<>();
    for (int agent = 0; agent < AGENTS; agent++) {
      answers.add(
          run(request(agent, round, 0, QUESTIONS, previous, round > 1 && summaries, 3)).answers());
    }
    return answers;
  }

  private List<Answer> read(ArtifactRef answers) {
    return JsonLines.read(steps.artifacts().bytes(answers), Answer.class);
  }

  private List<Question> questions() {
    return JsonLines.read(steps.artifacts().bytes(questions), Question.class);
  }

  private static int[] slice(int[] tokens, int[] range) {
    return Arrays.copyOfRange(tokens, range[0], range[1]);
  }

  @Test
  void inRoundOneTheQuestionIsAsked() {
    Debate.Result result = run(request(1, 1, 0, QUESTIONS, List.of(), false, 3));
    List<Answer> answers = read(result.answers());
    assertThat(answers).hasSize(QUESTIONS);
    for (int i = 0; i < QUESTIONS; i++) {
      Answer answer = answers.get(i);
      assertThat(answer.index()).isEqualTo(i);
      assertThat(answer.question()).isEqualTo("q" + i);
      assertThat(answer.agent()).isEqualTo(1);
      assertThat(answer.round()).isEqualTo(1);
      assertThat(answer.text()).matches("#\\d+");
      assertThat(answer.answer()).isEqualTo(answer.text().substring(1));
      assertThat(answer.summary()).isNull();
      assertThat(answer.messages()).containsExactly("Q" + questions().get(i).text(), answer.text());
      assertThat(answer.tokens())
          .isEqualTo(
              tokenizer.encode(
                  "^Q"
                      + questions().get(i).text()
                      + "\nA"
                      + answer.text()
                      + (answer.ended() ? "$" : "")));
      assertThat(answer.turns()).hasSize(1);
      assertThat(slice(answer.tokens(), answer.turns().get(0)))
          .isEqualTo(tokenizer.encode(answer.text() + (answer.ended() ? "$" : "")));
    }
    assertThat(answers).anyMatch(Answer::ended).anyMatch(each -> !each.ended());
    assertThat(result.parsed()).isEqualTo(QUESTIONS);
    assertThat(result.cut())
        .isEqualTo((int) answers.stream().filter(each -> !each.ended()).count());
    long sampled =
        answers.stream().mapToLong(each -> each.turns().get(0)[1] - each.turns().get(0)[0]).sum();
    assertThat(result.tokens()).isEqualTo(sampled);
    assertThat(steps.usage("sampledTokens")).isEqualTo((double) sampled);
    assertThat(result.step()).isNull();
  }

  @Test
  void whatDoesNotFitIntoMemoryIsRefusedBeforeTheModelIsLoaded() {
    runtime.memory = 50_000_000;
    assertThatThrownBy(() -> run(request(0, 1, 0, QUESTIONS, List.of(), false, 3)))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY))
        .hasMessageContainingAll("sampling 3 answers of up to", "a step may use 0.05 GB");
    assertThat(runtime.asked).isEmpty();
  }

  @Test
  void rowsThatDoNotFitTogetherAreSampledInHalves() {
    Debate.Request request = request(0, 1, 0, QUESTIONS, List.of(), false, 3);
    Debate.Result expected = run(request);
    runtime.sizes.clear();
    runtime.room = 1;
    try (TestSteps other = new TestSteps(folder.resolve("halved"))) {
      copyInto(other, List.of());
      assertThat(run(other, request, () -> false)).contains(expected);
      assertThat(other.usage("halvedBatches")).isEqualTo(2);
    }
    assertThat(runtime.sizes).startsWith(3, 2, 1, 1, 1, 1);
    assertThat(runtime.sizes.subList(2, runtime.sizes.size())).containsOnly(1);

    runtime.room = 0;
    assertThatThrownBy(() -> run(request(1, 1, 0, QUESTIONS, List.of(), false, 3)))
        .hasMessage("too many rows");
  }

  @Test
  void anAttemptAfterOneThatHalvedSamplesAsManyRowsTogether() {
    Debate.Request request = request(0, 1, 0, QUESTIONS, List.of(), false, 4);
    Debate.Result expected = run(request);
    try (TestSteps other = new TestSteps(folder.resolve("continued"))) {
      copyInto(other, List.of());
      runtime.room = 2;
      runtime.batches = 0;
      runtime.failAfter = 3;
      assertThatThrownBy(() -> run(other, request, () -> false))
          .hasMessageContaining("the machine is gone");
      runtime.failAfter = Integer.MAX_VALUE;
      runtime.sizes.clear();
      assertThat(run(other, request, () -> false)).contains(expected);
      assertThat(runtime.sizes).containsExactly(2, 1);
      assertThat(other.usage("halvedBatches")).isEqualTo(1);
    }
  }

  @Test
  void rowsThatWouldNotFitTogetherAreHalvedBeforeTheModelIsLoaded() {
    Debate.Request request = request(0, 1, 0, QUESTIONS, List.of(), false, QUESTIONS);
    Debate.Result expected = run(request);
    int longest =
        runtime.asked.stream()
            .mapToInt(each -> tokenizer.encode(each.prompt()).length)
            .max()
            .orElseThrow();
    LanguageModel model = steps.checkpoints().open(models.get(0));
    runtime.memory = MemoryPlan.sampling(model, QUESTIONS, longest, 8).bytes() - 1;
    runtime.sizes.clear();
    try (TestSteps other = new TestSteps(folder.resolve("planned"))) {
      copyInto(other, List.of());
      assertThat(run(other, request, () -> false)).contains(expected);
      assertThat(other.usage("halvedBatches")).isEqualTo(1);
    }
    assertThat(runtime.sizes).containsExactly(4, 3);
  }

  @Test
  void wrongAnswersAreGivenAgainWithAHintThatIsNotKept() {
    List<Answer> first = new ArrayList<>();
    for (Answer each : read(run(request(0, 1, 0, QUESTIONS, List.of(), false, 3)).answers())) {
      // Every third one is right, one cannot be read.
      first.add(
          new Answer(
              each.index(),
              each.question(),
              each.agent(),
              each.round(),
              each.tokens(),
              each.turns(),
              each.text(),
              each.ended(),
              each.index() == 1 ? null : each.index() % 3 == 0 ? "0" : "7",
              each.summary(),
              each.messages()));
    }
    ArtifactRef mistakes = steps.put(JsonLines.write(first));
    Debate.Request plain = request(1, 1, 0, QUESTIONS, List.of(), false, 3);
    Debate.Request request =
        new Debate.Request(
            plain.seed(),
            plain.purpose(),
            plain.iteration(),
            plain.agent(),
            plain.round(),
            plain.task(),
            plain.questions(),
            plain.from(),
            plain.to(),
            plain.prompts(),
            plain.speaker(),
            null,
            List.of(),
            plain.sampling(),
            plain.batchSize(),
            plain.versions(),
            null,
            null,
            mistakes);
    runtime.asked.clear();
    List<Answer> again = read(run(request).answers());
    assertThat(again)
        .extracting(Answer::index)
        .containsExactlyElementsOf(
            IntStream.range(0, QUESTIONS).filter(i -> i % 3 != 0).boxed().toList());
    for (Answer answer : again) {
      String question = questions().get(answer.index()).text();
      assertThat(runtime.asked).extracting(Asked::prompt).contains("S0\nQ" + question + "\nA");
      assertThat(answer.messages()).containsExactly("Q" + question, answer.text());
      assertThat(tokenizer.decode(slice(answer.tokens(), new int[] {0, answer.turns().get(0)[0]})))
          .isEqualTo("Q" + question + "\nA");
    }
  }

  @Test
  void agentsAreAskedInTheStyleOfTheMethod() {
    Map<String, String> templates = new TreeMap<>(PromptSet.named("compact").templates());
    templates.put("unique-id", "Q{question}+{id}*{agents}");
    templates.put("cooperative", "S{others}\nQ{question}+0");
    prompts = steps.put(new PromptSet(templates).bytes());
    Debate.Result told =
        run(styled(request(2, 1, 0, QUESTIONS, List.of(), false, 3), Method.Style.UNIQUE_ID, 3));
    for (Answer answer : read(told.answers())) {
      assertThat(answer.messages().get(0))
          .isEqualTo("Q" + questions().get(answer.index()).text() + "+3*3");
    }
    List<ArtifactRef> first = round(1, List.of(), false);
    for (boolean summaries : new boolean[] {true, false}) {
      Debate.Result integrated =
          run(
              styled(
                  request(2, 2, 0, QUESTIONS, first, summaries, 3), Method.Style.COOPERATE, null));
      for (Answer answer : read(integrated.answers())) {
        assertThat(answer.messages().get(2))
            .startsWith(summaries ? "S" + answer.summary() : "SB")
            .endsWith("Q" + questions().get(answer.index()).text() + "+0");
      }
    }
  }

  private static Debate.Request styled(Debate.Request plain, Method.Style style, Integer agents) {
    return new Debate.Request(
        plain.seed(),
        plain.purpose(),
        plain.iteration(),
        plain.agent(),
        plain.round(),
        plain.task(),
        plain.questions(),
        plain.from(),
        plain.to(),
        plain.prompts(),
        plain.speaker(),
        plain.summariser(),
        plain.previous(),
        plain.sampling(),
        plain.batchSize(),
        plain.versions(),
        style,
        agents,
        null);
  }

  @Test
  void laterRoundsGoOnWithTheOwnConversationAndReadTheOthersLastAnswersOnly() {
    List<List<ArtifactRef>> rounds = new ArrayList<>();
    rounds.add(round(1, List.of(), false));
    for (int round = 2; round <= 3; round++) {
      rounds.add(round(round, rounds.get(round - 2), false));
      for (int agent = 0; agent < AGENTS; agent++) {
        List<Answer> answers = read(rounds.get(round - 1).get(agent));
        for (int i = 0; i < QUESTIONS; i++) {
          Answer answer = answers.get(i);
          Answer own = read(rounds.get(round - 2).get(agent)).get(i);
          StringBuilder asked = new StringBuilder();
          for (int other = 0; other < AGENTS; other++) {
            if (other != agent) {
              asked.append("B" + read(rounds.get(round - 2).get(other)).get(i).text() + "\n");
            }
          }
          asked.append("Q" + questions().get(i).text());
          // The very tokens of the round before, then what follows them.
          assertThat(Arrays.copyOf(answer.tokens(), own.tokens().length)).isEqualTo(own.tokens());
          assertThat(
                  tokenizer.decode(
                      Arrays.copyOfRange(
                          answer.tokens(), own.tokens().length, answer.tokens().length)))
              .isEqualTo("\n" + asked + "\nA" + answer.text());
          assertThat(answer.messages().subList(0, 2 * round - 2)).isEqualTo(own.messages());
          assertThat(answer.messages().subList(2 * round - 2, 2 * round))
              .containsExactly(asked.toString(), answer.text());
          assertThat(answer.turns()).hasSize(round);
          assertThat(answer.turns().subList(0, round - 1))
              .usingRecursiveComparison()
              .isEqualTo(own.turns());
          assertThat(tokenizer.decode(slice(answer.tokens(), answer.turns().get(round - 1))))
              .isEqualTo(answer.text());
        }
      }
    }
  }

  @Test
  void aSummaryIsMadeOfTheOthersAnswersWithoutTheQuestion() {
    List<ArtifactRef> first = round(1, List.of(), false);
    runtime.asked.clear();
    Debate.Result result = run(request(1, 2, 0, QUESTIONS, first, true, 3));
    Path summariser = steps.checkpoints().open(models.get(1)).folder();
    List<String> summarise =
        runtime.asked.stream()
            .filter(each -> each.model().equals(summariser))
            .map(Asked::prompt)
            .toList();
    assertThat(summarise).hasSize(QUESTIONS);
    List<Answer> answers = read(result.answers());
    long tokens = 0;
    for (int i = 0; i < QUESTIONS; i++) {
      Answer answer = answers.get(i);
      assertThat(summarise)
          .contains(
              "B"
                  + read(first.get(0)).get(i).text()
                  + "\nB"
                  + read(first.get(2)).get(i).text()
                  + "\nS\nA");
      assertThat(answer.summary()).matches("#\\d+");
      assertThat(answer.messages().get(2))
          .isEqualTo("S" + answer.summary() + "\nQ" + questions().get(i).text());
      tokens += answer.turns().get(1)[1] - answer.turns().get(1)[0];
    }
    assertThat(summarise).allSatisfy(each -> assertThat(each).doesNotContain("Q"));
    assertThat(result.tokens()).isGreaterThan(tokens);
    assertThat(runtime.asked).extracting(Asked::seed).doesNotHaveDuplicates();
  }

  @Test
  void answersDependNeitherOnTheRangeNorOnTheBatch() {
    List<ArtifactRef> first = round(1, List.of(), false);
    List<Answer> whole = read(run(request(2, 2, 0, QUESTIONS, first, true, 3)).answers());
    List<ArtifactRef> part = new ArrayList<>();
    for (int agent = 0; agent < AGENTS; agent++) {
      part.add(steps.put(JsonLines.write(read(first.get(agent)).subList(2, 6))));
    }
    ArtifactRef again = run(request(2, 2, 2, 6, part, true, 4)).answers();
    assertThat(steps.artifacts().bytes(again)).isEqualTo(JsonLines.write(whole.subList(2, 6)));
  }

  @Test
  void anAttemptThatFailedAnywhereIsContinuedWithoutSamplingAgain() {
    List<ArtifactRef> first = round(1, List.of(), false);
    Debate.Request request = request(0, 2, 0, QUESTIONS, first, true, 3);
    runtime.asked.clear();
    runtime.batches = 0;
    Debate.Result undisturbed = run(request);
    List<Asked> asked = List.copyOf(runtime.asked);
    int batches = runtime.batches;
    assertThat(batches).isEqualTo(6);
    for (int survived = 0; survived < batches; survived++) {
      try (TestSteps other = new TestSteps(folder.resolve("interrupted-" + survived))) {
        copyInto(other, first);
        runtime.asked.clear();
        runtime.batches = 0;
        runtime.failAfter = survived;
        assertThatThrownBy(() -> run(other, request, () -> false))
            .hasMessageContaining("the machine is gone");
        runtime.failAfter = Integer.MAX_VALUE;
        assertThat(run(other, request, () -> false)).contains(undisturbed);
        assertThat(questionsAsked(runtime.asked)).isEqualTo(questionsAsked(asked));
      }
    }
  }

  @Test
  void aRequestToStopIsHonouredBetweenBatches() {
    List<ArtifactRef> first = round(1, List.of(), false);
    Debate.Request request = request(0, 2, 0, QUESTIONS, first, true, 3);
    Debate.Result undisturbed = run(request);
    int batches = 6;
    for (int done = 1; done < batches; done++) {
      try (TestSteps other = new TestSteps(folder.resolve("stopped-" + done))) {
        copyInto(other, first);
        runtime.batches = 0;
        int limit = done;
        assertThat(run(other, request, () -> runtime.batches == limit)).isEmpty();
        assertThat(runtime.batches).isEqualTo(done);
        assertThat(run(other, request, () -> false)).contains(undisturbed);
        assertThat(runtime.batches).isEqualTo(batches);
      }
    }
  }

  private void copyInto(TestSteps other, List<ArtifactRef> answers) {
    List<ArtifactRef> all = new ArrayList<>(answers);
    all.addAll(List.of(questions, prompts));
    all.addAll(models);
    models.forEach(each -> all.addAll(steps.checkpoints().files(each).values()));
    all.forEach(each -> other.put(steps.artifacts().bytes(each)));
  }

  /** By batch, since the models' folders are others in another store. */
  private static List<String> questionsAsked(List<Asked> asked) {
    return asked.stream()
        .map(each -> each.batch() + " " + each.seed() + " " + each.prompt())
        .toList();
  }

  @Test
  void aRoundOfAllAgentsComesToWhatTheirTurnsComeToInFewerBatches() {
    List<ArtifactRef> first = round(1, List.of(), false);
    models.set(1, models.get(0));
    List<Debate.Request> turns = turns(2, first, true);
    List<Debate.Result> alone = turns.stream().map(this::run).toList();
    runtime.asked.clear();
    runtime.batches = 0;
    runtime.opened = 0;
    DebateRound.Result together =
        runRound(steps, DebateRound.Request.of(turns), () -> false).orElseThrow();
    assertThat(together).isEqualTo(new DebateRound.Result(alone, null));
    // 21 summaries and as many answers, in batches of 4; each turn alone takes 2 and 2.
    assertThat(runtime.batches).isEqualTo(12);
    assertThat(runtime.opened).as("one session for both").isEqualTo(1);
    assertThat(runtime.asked.subList(0, AGENTS * QUESTIONS))
        .extracting(each -> each.prompt().length())
        .isSorted();
    assertThat(runtime.asked.subList(AGENTS * QUESTIONS, 2 * AGENTS * QUESTIONS))
        .extracting(each -> each.prompt().length())
        .isSorted();
  }

  @Test
  void inARoundABatchHoldsRowsOfAllAdaptersOverOneBase() {
    List<ArtifactRef> first = round(1, List.of(), false);
    models.set(1, models.get(0));
    List<Debate.Request> turns = new ArrayList<>();
    for (Debate.Request turn : turns(2, first, true)) {
      turns.add(spokenBy(adapter(turn.agent()), turn));
    }
    List<Debate.Result> alone = turns.stream().map(this::run).toList();
    runtime.asked.clear();
    runtime.opened = 0;
    assertThat(runRound(steps, DebateRound.Request.of(turns), () -> false))
        .contains(new DebateRound.Result(alone, null));
    assertThat(runtime.opened).isEqualTo(1);
    Path base = steps.checkpoints().open(models.get(0)).folder();
    List<Asked> summaries = runtime.asked.subList(0, AGENTS * QUESTIONS);
    List<Asked> answers = runtime.asked.subList(AGENTS * QUESTIONS, 2 * AGENTS * QUESTIONS);
    assertThat(summaries).extracting(Asked::model).containsOnly(base);
    for (Debate.Request turn : turns) {
      Path adapter = Parrots.folder(steps.checkpoints().open(turn.speaker()));
      assertThat(answers)
          .filteredOn(asked -> asked.model().equals(adapter))
          .as("rows of agent %s", turn.agent())
          .hasSize(QUESTIONS);
    }
    assertThat(answers.subList(0, 4).stream().map(Asked::model).distinct())
        .as("models in one batch")
        .hasSizeGreaterThan(1);
  }

  private ArtifactRef adapter(int seed) {
    DecoderConfig config = steps.checkpoints().decoderConfig(models.get(0));
    AdapterConfig shape = new AdapterConfig(2, 4, 0, config.linearLayers());
    Path adapter = folder.resolve("adapter-" + seed);
    TinyModels.adapter(adapter, config, shape, seed);
    return steps
        .checkpoints()
        .putWithAdapter(
            models.get(0), shape, adapter.resolve(Adapter.WEIGHTS), steps.artifacts()::put);
  }

  @Test
  void inARoundModelsOfDifferentBasesSpeakOneBaseAfterTheOther() {
    List<ArtifactRef> first = round(1, List.of(), false);
    List<Debate.Request> turns = new ArrayList<>(turns(2, first, true));
    turns.set(1, spokenBy(models.get(1), turns.get(1)));
    List<Debate.Result> alone = turns.stream().map(this::run).toList();
    runtime.asked.clear();
    runtime.opened = 0;
    assertThat(runRound(steps, DebateRound.Request.of(turns), () -> false))
        .contains(new DebateRound.Result(alone, null));
    Path summariser = steps.checkpoints().open(models.get(1)).folder();
    Path other = steps.checkpoints().open(models.get(0)).folder();
    assertThat(runtime.asked)
        .extracting(Asked::model)
        .startsWith(Collections.nCopies(4 * QUESTIONS, summariser).toArray(Path[]::new))
        .endsWith(Collections.nCopies(2 * QUESTIONS, other).toArray(Path[]::new));
    assertThat(runtime.opened).isEqualTo(2);
  }

  @Test
  void aRoundThatFailedAnywhereIsContinuedWithoutSamplingAgain() {
    List<ArtifactRef> first = round(1, List.of(), false);
    DebateRound.Request request = DebateRound.Request.of(turns(2, first, true));
    runtime.asked.clear();
    runtime.batches = 0;
    DebateRound.Result undisturbed = runRound(steps, request, () -> false).orElseThrow();
    List<Asked> asked = List.copyOf(runtime.asked);
    int batches = runtime.batches;
    for (int survived = 0; survived < batches; survived++) {
      try (TestSteps other = new TestSteps(folder.resolve("interrupted-round-" + survived))) {
        copyInto(other, first);
        runtime.asked.clear();
        runtime.batches = 0;
        runtime.failAfter = survived;
        assertThatThrownBy(() -> runRound(other, request, () -> false))
            .hasMessageContaining("the machine is gone");
        runtime.failAfter = Integer.MAX_VALUE;
        int limit = survived + 1;
        if (limit < batches) {
          assertThat(runRound(other, request, () -> runtime.batches == limit)).isEmpty();
        }
        assertThat(runRound(other, request, () -> false)).contains(undisturbed);
        assertThat(questionsAsked(runtime.asked)).isEqualTo(questionsAsked(asked));
      }
    }
  }

  @Test
  void turnsThatAreNotOneRoundAreRefused() {
    List<Debate.Request> turns = turns(1, List.of(), false);
    for (DebateRound.Request broken :
        List.of(
            new DebateRound.Request(Purpose.FINETUNE, 1, 1, 0, QUESTIONS, List.of()),
            new DebateRound.Request(Purpose.FINETUNE, 2, 1, 0, QUESTIONS, turns),
            DebateRound.Request.of(List.of(turns.get(0), turns.get(2))),
            DebateRound.Request.of(
                List.of(turns.get(0), request(1, 1, 0, QUESTIONS, List.of(), false, 3))))) {
      assertThatThrownBy(() -> runRound(steps, broken, () -> false))
          .isInstanceOfSatisfying(
              PolyphonyException.class,
              refused -> assertThat(refused.errorClass()).isEqualTo(ErrorClass.BUG))
          .hasMessageContaining("not all agents' turns of one round");
    }
  }

  @Test
  void batchesHoldPromptsOfLikeLength() {
    run(request(0, 1, 0, QUESTIONS, List.of(), false, 3));
    assertThat(runtime.asked).extracting(each -> each.prompt().length()).isSorted();
    assertThat(runtime.asked).extracting(Asked::batch).containsExactly(0, 0, 0, 1, 1, 1, 2);
  }

  @Test
  void agentsShareNoSeed() {
    Set<Long> seeds = new HashSet<>();
    for (int agent = 0; agent < AGENTS; agent++) {
      run(request(agent, 1, 0, QUESTIONS, List.of(), false, 3));
    }
    runtime.asked.forEach(each -> seeds.add(each.seed()));
    assertThat(seeds).hasSize(AGENTS * QUESTIONS);
  }

  @Test
  void aConversationThatDoesNotFitTheContextGetsAnEmptyAnswerThatWasCut() {
    // The context is 96 tokens, of which "^Q" and "\nA" take 4.
    List<Question> set = new ArrayList<>();
    for (int length : new int[] {10, 91, 92, 300}) {
      set.add(new Question("q" + length, "1".repeat(length), "0"));
    }
    questions = steps.put(JsonLines.write(set));
    List<ArtifactRef> first = new ArrayList<>();
    for (int agent = 0; agent < AGENTS; agent++) {
      Debate.Result result = run(request(agent, 1, 0, 4, List.of(), false, 3));
      List<Answer> answers = read(result.answers());
      assertThat(answers.subList(0, 2)).allSatisfy(each -> assertThat(each.text()).startsWith("#"));
      for (Answer answer : answers.subList(2, 4)) {
        assertThat(answer.text()).isEmpty();
        assertThat(answer.ended()).isFalse();
        assertThat(answer.answer()).isNull();
        assertThat(answer.turns().get(0))
            .containsExactly(answer.tokens().length, answer.tokens().length);
      }
      assertThat(result.cut()).isGreaterThanOrEqualTo(2);
      first.add(result.answers());
    }
    for (boolean summaries : new boolean[] {false, true}) {
      List<Answer> answers = read(run(request(0, 2, 0, 4, first, summaries, 3)).answers());
      assertThat(answers.get(0).text()).startsWith("#");
      assertThat(answers.subList(1, 4)).allSatisfy(each -> assertThat(each.text()).isEmpty());
      assertThat(answers).allSatisfy(each -> assertThat(each.turns()).hasSize(2));
    }
  }

  @Test
  void answersOfAnotherRoundAgentOrRangeAreRefused() {
    List<ArtifactRef> first = round(1, List.of(), false);
    assertThatThrownBy(() -> run(request(0, 3, 0, QUESTIONS, first, false, 3)))
        .hasMessageContaining("round 1, not of round 2");
    assertThatThrownBy(
            () ->
                run(
                    request(
                        0,
                        2,
                        0,
                        QUESTIONS,
                        List.of(first.get(1), first.get(0), first.get(2)),
                        false,
                        3)))
        .hasMessageContaining("agent 1");
    assertThatThrownBy(() -> run(request(0, 2, 1, QUESTIONS, first, false, 3)))
        .hasMessageContaining("not about questions 1 to 7");
    assertThatThrownBy(() -> run(request(0, 1, 0, QUESTIONS + 1, List.of(), false, 3)))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG));
    assertThatThrownBy(() -> run(request(0, 1, 0, QUESTIONS, List.of(), false, 0)))
        .hasMessageContaining("batch size");
  }
}
