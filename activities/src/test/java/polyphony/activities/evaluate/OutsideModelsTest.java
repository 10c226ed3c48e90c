package polyphony.activities.evaluate;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.StepProgress;
import polyphony.activities.StoreInFolder;
import polyphony.activities.debate.Answer;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.Encoder;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.NewLanguageModel;
import polyphony.activities.lm.ReferenceDecoder;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.TinyModels;
import polyphony.activities.lm.Tokenizer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.lm.onnx.OnnxEncoder;
import polyphony.activities.lm.onnx.OnnxOptions;
import polyphony.activities.lm.onnx.OnnxScorer;
import polyphony.activities.pretrain.CompactDialect;
import polyphony.activities.tasks.Question;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.storage.CanonicalJson;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.Step;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Society;

/** Measuring with models that take no part in the debate, on the runtimes that are used. */
class OutsideModelsTest {
  private static final String TEMPLATE =
      "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}\n{% endfor %}"
          + "{% if add_generation_prompt %}a:{% endif %}";
  private static final Path T5 = Path.of("src/test/resources/polyphony/encoders/t5-gated");

  @TempDir Path temporary;

  private StoreInFolder store;
  private ArtifactRef base;
  private ArtifactRef judge;
  private ArtifactRef encoder;

  private final MeasuringRuntime runtime = new MeasuringRuntime();

  private static final class MeasuringRuntime implements LanguageModelRuntime {
    private long memory = Long.MAX_VALUE;
    private int open;
    private int mostOpen;

    private void opened() {
      open++;
      mostOpen = Math.max(mostOpen, open);
    }

    @Override
    public long memory() {
      return memory;
    }

    @Override
    public Sampler sampler(List<LanguageModel> models) {
      throw new AssertionError("evaluation samples nothing");
    }

    @Override
    public Scorer scorer(List<LanguageModel> models) {
      LanguageModel model = models.get(0);
      opened();
      OnnxScorer scorer = new OnnxScorer(model, OnnxOptions.DEFAULT);
      return new Scorer() {
        @Override
        public List<Scores> score(List<Text> batch) {
          return scorer.score(batch);
        }

        @Override
        public void close() {
          open--;
          scorer.close();
        }
      };
    }

    @Override
    public Encoder encoder(EncoderModel model) {
      opened();
      OnnxEncoder encoder = new OnnxEncoder(model, OnnxOptions.DEFAULT);
      return new Encoder() {
        @Override
        public List<float[]> embed(List<int[]> texts) {
          return encoder.embed(texts);
        }

        @Override
        public void close() {
          open--;
          encoder.close();
        }
      };
    }

    @Override
    public Trainer trainer(
        LanguageModel model,
        TrainingBatches batches,
        TrainingSettings settings,
        Optional<Path> state) {
      throw new AssertionError("evaluation trains nothing");
    }

    @Override
    public Map<String, String> versions() {
      return Map.of();
    }
  }

  @BeforeEach
  void threeModels() {
    store = new StoreInFolder(temporary);
    base =
        Checkpoints.put(TinyModels.tied(temporary.resolve("base")).folder(), store.artifacts::put);
    judge = judge("judge", 200);
    encoder = Checkpoints.put(T5, store.artifacts::put);
  }

  /** Reads other characters than the base model, and none of its dialect's ids are its own. */
  private ArtifactRef judge(String name, int context) {
    String alphabet = "zyxwvutsrqponmlkjihgfedcba:?=0123456789+ \n";
    DecoderConfig config =
        new DecoderConfig(
            NewLanguageModel.vocabularySize(alphabet),
            16,
            2,
            2,
            2,
            8,
            24,
            1e4,
            1e-5,
            context,
            true);
    Path folder = temporary.resolve(name);
    NewLanguageModel.write(
        folder, config, alphabet, CompactDialect.SPECIAL_TOKENS, TEMPLATE, 7, 0.3f);
    return Checkpoints.put(folder, store.artifacts::put);
  }

  private static Answer answer(int agent, String question, String... messages) {
    int[] tokens = IntStream.range(0, 12).toArray();
    return new Answer(
        0,
        "q0",
        agent,
        1,
        tokens,
        List.of(new int[] {8, 12}),
        messages[messages.length - 1],
        true,
        "2",
        null,
        IntStream.rangeClosed(0, messages.length)
            .mapToObj(i -> i == 0 ? question : messages[i - 1])
            .toList());
  }

  private Evaluate.Request request(
      List<Answer> answers, ArtifactRef likelihood, ArtifactRef embedding) {
    return request(answers, base, likelihood, embedding, 4);
  }

  private Evaluate.Request request(
      List<Answer> answers,
      ArtifactRef speaker,
      ArtifactRef likelihood,
      ArtifactRef embedding,
      int batchSize) {
    return new Evaluate.Request(
        0,
        "arithmetic",
        store.lines(List.of(new Question("q0", "1+1", "2"))),
        0,
        1,
        List.of(answers.stream().map(each -> store.lines(List.of(each))).toList()),
        store.lines(
            List.of(
                new Label(
                    0,
                    "q0",
                    "2",
                    answers.stream().map(Answer::answer).toList(),
                    answers.size(),
                    false))),
        Society.copies(speaker, answers.size()),
        base,
        likelihood == null ? "self" : "judge",
        embedding == null ? "base" : "t5",
        batchSize,
        Map.of(),
        likelihood,
        embedding);
  }

  private Measurement run(Evaluate.Request request) throws Exception {
    EvaluateStep step = new EvaluateStep(runtime, store.checkpoints);
    Evaluate.Result result =
        store
            .steps
            .run(
                new Step(EvaluateStep.NAME, EvaluateStep.VERSION, request),
                Evaluate.Result.class,
                attempt -> step.run(request, attempt, StepProgress.NONE))
            .result()
            .orElseThrow();
    return JsonLines.read(store.artifacts.bytes(result.measurements()), Measurement.class).get(0);
  }

  /** By the plain double-precision decoder, over text that is put together by hand. */
  private double likelihood(ArtifactRef model, String context, String text) {
    LanguageModel opened = store.checkpoints.open(model);
    ReferenceDecoder decoder = ReferenceDecoder.of(opened);
    try (Tokenizer tokenizer = opened.tokenizer()) {
      int[] before = tokenizer.encode(context);
      int[] all = tokenizer.encode(context + text);
      double[][] logits = decoder.logits(all);
      double sum = 0;
      for (int i = before.length; i < all.length; i++) {
        double[] row = logits[i - 1];
        sum += Math.log(Arrays.stream(row).map(Math::exp).sum()) - row[all[i]];
      }
      return sum;
    }
  }

  @Test
  void aThirdModelReadsTheConversationInItsOwnTemplateAndTokens() throws Exception {
    List<Answer> answers =
        List.of(answer(0, "1+1=?", "two", "sure?", "yes 2"), answer(1, "1+1=?", "it is 2"));
    Measurement measurement = run(request(answers, judge, null));
    assertThat(measurement.negativeLogLikelihood().get(0))
        .isCloseTo(likelihood(judge, "u:1+1=?\na:two\nu:sure?\na:", "yes 2"), within(1e-3));
    assertThat(measurement.negativeLogLikelihood().get(1))
        .isCloseTo(likelihood(judge, "u:1+1=?\na:", "it is 2"), within(1e-3));
    assertThat(measurement.likelihoodTokens()).containsExactly(5, 7);
    double mean =
        (measurement.negativeLogLikelihood().get(0) / 5
                + measurement.negativeLogLikelihood().get(1) / 7)
            / 2;
    assertThat(Diversity.likelihood(List.of(measurement))).isCloseTo(mean, within(1e-12));
    // All else is measured as without it.
    Measurement own = run(request(answers, null, null));
    assertThat(measurement.last()).isEqualTo(own.last());
    assertThat(measurement.embeddingDissimilarity()).isEqualTo(own.embeddingDissimilarity());
    assertThat(own.likelihoodTokens()).isNull();
    // What nothing outside measures has the keys and bytes that it had before.
    assertThat(new String(CanonicalJson.bytes(request(answers, null, null)), UTF_8))
        .doesNotContain("Checkpoint");
    assertThat(new String(CanonicalJson.bytes(own), UTF_8)).doesNotContain("likelihoodTokens");
  }

  @Test
  void aThirdModelCanJudgeOneAgentAlone() throws Exception {
    List<Answer> alone = List.of(answer(0, "1+1=?", "2"));
    assertThat(Diversity.likelihood(List.of(run(request(alone, null, null))))).isNull();
    assertThat(Diversity.likelihood(List.of(run(request(alone, judge, null)))))
        .isCloseTo(likelihood(judge, "u:1+1=?\na:", "2"), within(1e-3));
  }

  @Test
  void ofAnAnswerWithoutTextAThirdModelReadsNothing() throws Exception {
    Measurement measurement = run(request(List.of(answer(0, "1+1=?", "")), judge, null));
    assertThat(measurement.negativeLogLikelihood()).containsExactly(0.0);
    assertThat(measurement.likelihoodTokens()).containsExactly(0);
  }

  @Test
  void withoutATemplateTheMessagesFollowOneAnother() throws Exception {
    Path folder = temporary.resolve("judge");
    Path configuration = folder.resolve("tokenizer_config.json");
    Files.writeString(
        configuration, Files.readString(configuration).replace("chat_template", "no_template"));
    ArtifactRef plain = Checkpoints.put(folder, store.artifacts::put);
    Measurement measurement =
        run(request(List.of(answer(0, "1+1=?", "two", "sure?", "yes")), plain, null));
    assertThat(measurement.negativeLogLikelihood().get(0))
        .isCloseTo(likelihood(plain, "1+1=?\ntwo\nsure?\n", "yes"), within(1e-3));
  }

  @Test
  void anEncoderComparesTheTextsOfAnswers() throws Exception {
    List<Answer> answers =
        List.of(answer(0, "1+1=?", "the answer is 2"), answer(1, "1+1=?", "no it is not"));
    Measurement measurement = run(request(answers, judge, encoder));
    EncoderModel model = EncoderModel.open(T5);
    try (Tokenizer tokenizer = model.tokenizer();
        Encoder own = new OnnxEncoder(model, OnnxOptions.DEFAULT)) {
      List<float[]> embeddings =
          own.embed(answers.stream().map(each -> tokenizer.encodeText(each.text())).toList());
      assertThat(measurement.embeddingDissimilarity())
          .isCloseTo(
              Diversity.dissimilarity(embeddings.get(0), embeddings.get(1)).orElseThrow(),
              within(1e-5));
    }
    assertThat(measurement.embeddingPairs()).isEqualTo(1);
    assertThat(measurement.last().toBase()).containsExactly(0.0, 0.0);
  }

  @Test
  void whereModelsDoNotFitTogetherTheyTakeTurnsAndMeasureTheSame() throws Exception {
    List<Answer> answers =
        List.of(answer(0, "1+1=?", "the answer is 2"), answer(1, "1+1=?", "the answer is 3"));
    ArtifactRef other =
        Checkpoints.put(
            TinyModels.untied(temporary.resolve("other")).folder(), store.artifacts::put);
    Evaluate.Request request = request(answers, other, judge, encoder, 4);
    Measurement together = run(request);
    assertThat(runtime.mostOpen).isEqualTo(4);
    assertThat(runtime.open).isZero();

    runtime.mostOpen = 0;
    // Room for the encoder alone, or for the small ones of the debate.
    EncoderModel largest = EncoderModel.open(T5);
    try (Tokenizer tokenizer = largest.tokenizer()) {
      int tokens = tokenizer.encodeText("the answer is 2").length;
      runtime.memory = MemoryPlan.encoding(largest, tokens).bytes();
    }
    Measurement inTurn = run(request(answers, other, judge, encoder, 5));
    assertThat(runtime.mostOpen).isEqualTo(2);
    assertThat(runtime.open).isZero();
    assertThat(inTurn).isEqualTo(together);

    runtime.memory = 100L << 20;
    assertThatThrownBy(() -> run(request(answers, base, judge, encoder, 6)))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.OUT_OF_MEMORY));
  }

  @Test
  void whatTheThirdModelCannotReadIsRefusedWithWhatToDo() {
    refused(
        List.of(answer(0, "1+1=?", "ÄÖÜ")),
        judge,
        "likelihoodModel judge cannot read the answer to q0",
        "name another model");
    refused(
        List.of(answer(0, "1+1=?", "a long answer")),
        judge("short", 20),
        "likelihoodModel judge has a context of 20 tokens",
        "has 23: name a model with a longer context, or lower sampling.maxNewTokens");
  }

  private void refused(List<Answer> answers, ArtifactRef model, String... messages) {
    assertThatThrownBy(() -> run(request(answers, model, null)))
        .isInstanceOfSatisfying(
            PolyphonyException.class, e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.CONFIG))
        .hasMessageContainingAll(messages);
  }

  @Test
  void aNameWithoutItsCheckpointIsRefused() throws IOException {
    Evaluate.Request whole = request(List.of(answer(0, "1+1=?", "2")), judge, null);
    Evaluate.Request broken =
        new Evaluate.Request(
            whole.iteration(),
            whole.task(),
            whole.questions(),
            0,
            1,
            whole.answers(),
            whole.votes(),
            whole.society(),
            base,
            "judge",
            "base",
            4,
            Map.of());
    assertThatThrownBy(() -> run(broken))
        .hasMessageContaining("likelihoodModel must be \"self\", or a name with its checkpoint");
  }
}
