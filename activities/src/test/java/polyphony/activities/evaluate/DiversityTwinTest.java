package polyphony.activities.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import polyphony.activities.JsonLines;
import polyphony.activities.StepProgress;
import polyphony.activities.StoreInFolder;
import polyphony.activities.debate.Answer;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.Sampler;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingBatches;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.tasks.Question;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Step;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Society;

/**
 * The measures of diversity against their definitions, written down naively in double precision, on
 * random societies of models whose distributions depend on everything before.
 */
class DiversityTwinTest {
  private static final int VOCABULARY = 5;
  private static final int HIDDEN = 3;
  private static final int CASES = 12;

  @TempDir Path temporary;
  private final RandomGenerator random = new SplittableRandom(29);

  /** p(· | tokens[0..position)) of a model. */
  private static double[] distribution(ArtifactRef model, int[] tokens, int position) {
    RandomGenerator own =
        new SplittableRandom(
            model.sha256().hashCode() * 31L + Arrays.hashCode(Arrays.copyOf(tokens, position)));
    double[] p = own.doubles(VOCABULARY, 0.05, 1).toArray();
    double sum = Arrays.stream(p).sum();
    return Arrays.stream(p).map(each -> each / sum).toArray();
  }

  /** Mean over the answer's positions of what stands for the model's last hidden state. */
  private static double[] embedding(ArtifactRef model, int[] tokens, int from) {
    double[] mean = new double[HIDDEN];
    for (int t = from; t < tokens.length; t++) {
      double[] p = distribution(model, tokens, t + 1);
      for (int i = 0; i < HIDDEN; i++) {
        mean[i] += (p[i] - 0.2) / (tokens.length - from);
      }
    }
    return mean;
  }

  /** Scores as a runtime does, in single precision. */
  private record RandomModels(List<ArtifactRef> models) implements LanguageModelRuntime {
    @Override
    public Scorer scorer(List<LanguageModel> opened) {
      LanguageModel model = opened.get(0);
      ArtifactRef which =
          models.stream()
              .filter(each -> model.folder().endsWith(each.sha256()))
              .findFirst()
              .orElseThrow();
      return new Scorer() {
        @Override
        public List<Scores> score(List<Text> batch) {
          return batch.stream().map(text -> scores(which, text)).toList();
        }

        @Override
        public void close() {}
      };
    }

    private static Scorer.Scores scores(ArtifactRef model, Scorer.Text text) {
      int count = text.tokens().length - text.from();
      float[] logs = new float[count];
      float[][] distributions = new float[count][VOCABULARY];
      for (int i = 0; i < count; i++) {
        double[] p = distribution(model, text.tokens(), text.from() + i);
        for (int v = 0; v < VOCABULARY; v++) {
          distributions[i][v] = (float) Math.log(p[v]);
        }
        logs[i] = distributions[i][text.tokens()[text.from() + i]];
      }
      double[] mean = embedding(model, text.tokens(), text.from());
      float[] embedding = new float[HIDDEN];
      for (int i = 0; i < HIDDEN; i++) {
        embedding[i] = (float) mean[i];
      }
      return new Scorer.Scores(logs, distributions, embedding);
    }

    @Override
    public Sampler sampler(List<LanguageModel> models) {
      throw new AssertionError("evaluation samples nothing");
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

  /**
   * An evaluation.
   *
   * @param answers by round, then by agent, then by question
   */
  private record Trial(
      Society society, ArtifactRef base, List<List<List<Answer>>> answers, List<Label> labels) {
    int agents() {
      return society.agents();
    }

    List<List<Answer>> last() {
      return answers.get(answers.size() - 1);
    }

    /** Who speaks in the last round. */
    List<ArtifactRef> lastSpeakers() {
      return answers.size() > 1 ? society.critics() : society.generators();
    }

    private static int from(Answer answer) {
      return answer.turns().get(answer.turns().size() - 1)[0];
    }

    /** Mean over questions and agents of [y_n = ŷ]. */
    double consensus() {
      double sum = 0;
      for (int x = 0; x < labels.size(); x++) {
        for (List<Answer> own : last()) {
          String label = labels.get(x).label();
          sum += label != null && label.equals(own.get(x).answer()) ? 1 : 0;
        }
      }
      return sum / (labels.size() * agents());
    }

    /** Of agent n's answers under agent (n mod N) + 1, agents from 1. */
    Double likelihood() {
      double mean = 0;
      int counted = 0;
      for (int n = 1; n <= agents() && agents() > 1; n++) {
        ArtifactRef judge = lastSpeakers().get(n % agents());
        double sum = 0;
        int tokens = 0;
        for (Answer answer : last().get(n - 1)) {
          for (int t = from(answer); t < answer.tokens().length; t++) {
            sum -= Math.log(distribution(judge, answer.tokens(), t)[answer.tokens()[t]]);
            tokens++;
          }
        }
        mean += tokens == 0 ? 0 : sum / tokens;
        counted += tokens == 0 ? 0 : 1;
      }
      return counted == 0 ? null : mean / counted;
    }

    /** Mean over tokens of KL(p ‖ q) in one agent's conversations; NaN without a token. */
    private static double kl(List<Answer> answers, ArtifactRef p, ArtifactRef q) {
      double sum = 0;
      int tokens = 0;
      for (Answer answer : answers) {
        for (int t = from(answer); t < answer.tokens().length; t++) {
          double[] own = distribution(p, answer.tokens(), t);
          double[] other = distribution(q, answer.tokens(), t);
          for (int v = 0; v < VOCABULARY; v++) {
            sum += own[v] * Math.log(own[v] / other[v]);
          }
          tokens++;
        }
      }
      return sum / tokens;
    }

    static Double klBetween(List<List<Answer>> answers, List<ArtifactRef> speakers) {
      List<Double> pairs = new ArrayList<>();
      for (int i = 0; i < speakers.size(); i++) {
        for (int j = 0; j < speakers.size(); j++) {
          if (i != j) {
            pairs.add(kl(answers.get(i), speakers.get(i), speakers.get(j)));
          }
        }
      }
      return mean(pairs);
    }

    Double klToBase(List<List<Answer>> answers, List<ArtifactRef> speakers) {
      return mean(
          IntStream.range(0, speakers.size())
              .mapToObj(i -> kl(answers.get(i), speakers.get(i), base))
              .toList());
    }

    Double embeddingDissimilarity() {
      List<Double> pairs = new ArrayList<>();
      for (int x = 0; x < labels.size(); x++) {
        for (int i = 0; i < agents(); i++) {
          for (int j = i + 1; j < agents(); j++) {
            Answer one = last().get(i).get(x);
            Answer other = last().get(j).get(x);
            if (from(one) < one.tokens().length && from(other) < other.tokens().length) {
              double[] a = embedding(base, one.tokens(), from(one));
              double[] b = embedding(base, other.tokens(), from(other));
              pairs.add(1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)));
            }
          }
        }
      }
      return mean(pairs);
    }

    private static double dot(double[] a, double[] b) {
      return IntStream.range(0, a.length).mapToDouble(i -> a[i] * b[i]).sum();
    }

    /** Of those that are numbers; null where there is none. */
    private static Double mean(List<Double> values) {
      List<Double> numbers = values.stream().filter(each -> !each.isNaN()).toList();
      return numbers.isEmpty()
          ? null
          : Double.valueOf(numbers.stream().mapToDouble(each -> each).average().orElseThrow());
    }
  }

  /** Agents may share models, be the base model, or say nothing at all. */
  private Trial trial(int agents, int rounds, List<ArtifactRef> models) {
    int questions = 1 + random.nextInt(4);
    Society society = new Society(pick(models, agents), pick(models, agents));
    List<List<List<Answer>>> answers = new ArrayList<>();
    for (int round = 1; round <= rounds; round++) {
      List<List<Answer>> byAgent = new ArrayList<>();
      for (int agent = 0; agent < agents; agent++) {
        List<Answer> own = new ArrayList<>();
        for (int x = 0; x < questions; x++) {
          own.add(answer(x, agent, round));
        }
        byAgent.add(own);
      }
      answers.add(byAgent);
    }
    List<Label> labels = new ArrayList<>();
    for (int x = 0; x < questions; x++) {
      List<String> votes = new ArrayList<>(); // holds nulls
      for (List<Answer> own : answers.get(rounds - 1)) {
        votes.add(own.get(x).answer());
      }
      String label = votes.stream().filter(Objects::nonNull).findFirst().orElse(null);
      int agreeing =
          (int) votes.stream().filter(each -> each != null && each.equals(label)).count();
      labels.add(new Label(x, "q" + x, label, votes, agreeing, false));
    }
    return new Trial(society, models.get(0), answers, labels);
  }

  private List<ArtifactRef> pick(List<ArtifactRef> models, int count) {
    return IntStream.range(0, count)
        .mapToObj(each -> models.get(random.nextInt(models.size())))
        .toList();
  }

  private Answer answer(int index, int agent, int round) {
    int prompt = 1 + random.nextInt(3);
    int said = random.nextInt(5);
    int[] tokens =
        IntStream.range(0, prompt + said).map(each -> random.nextInt(VOCABULARY)).toArray();
    return new Answer(
        index,
        "q" + index,
        agent,
        round,
        tokens,
        List.of(new int[] {prompt, prompt + said}),
        "",
        true,
        random.nextInt(4) == 0 ? null : Integer.toString(random.nextInt(2)),
        null,
        List.of());
  }

  private List<Measurement> measured(StoreInFolder store, Trial trial, List<ArtifactRef> models)
      throws Exception {
    Evaluate.Request request =
        new Evaluate.Request(
            1,
            "arithmetic",
            store.lines(
                trial.labels().stream()
                    .map(each -> new Question(each.question(), "?", "1"))
                    .toList()),
            0,
            trial.labels().size(),
            trial.answers().stream()
                .map(round -> round.stream().map(store::lines).toList())
                .toList(),
            store.lines(trial.labels()),
            trial.society(),
            trial.base(),
            "self",
            "base",
            1 + random.nextInt(4),
            Map.of());
    EvaluateStep step = new EvaluateStep(new RandomModels(models), store.checkpoints);
    Evaluate.Result result =
        store
            .steps
            .run(
                new Step(EvaluateStep.NAME, EvaluateStep.VERSION, request),
                Evaluate.Result.class,
                attempt -> step.run(request, attempt, StepProgress.NONE))
            .result()
            .orElseThrow();
    return JsonLines.read(store.artifacts.bytes(result.measurements()), Measurement.class);
  }

  private static void assertSame(Double measured, Double defined) {
    if (defined == null) {
      assertThat(measured).isNull();
    } else {
      assertThat(measured).isCloseTo(defined, within(1e-5));
    }
  }

  @Test
  void everyMeasureIsThatOfItsDefinition() throws Exception {
    StoreInFolder store = new StoreInFolder(temporary);
    List<ArtifactRef> models = List.of(store.model(1), store.model(2), store.model(3));
    for (int i = 0; i < CASES; i++) {
      Trial trial = trial(1 + i % 4, 1 + random.nextInt(3), models);
      List<Measurement> measured = measured(store, trial, models);
      assertThat(Diversity.consensus(measured)).isCloseTo(trial.consensus(), within(1e-12));
      assertSame(Diversity.likelihood(measured), trial.likelihood());
      assertSame(Diversity.embeddingDissimilarity(measured), trial.embeddingDissimilarity());
      assertSame(
          Diversity.klBetweenAgents(measured, Measurement::last),
          Trial.klBetween(trial.last(), trial.lastSpeakers()));
      assertSame(
          Diversity.klToBase(measured, Measurement::last),
          trial.klToBase(trial.last(), trial.lastSpeakers()));
      assertSame(
          Diversity.klBetweenAgents(measured, Measurement::first),
          Trial.klBetween(trial.answers().get(0), trial.society().generators()));
      assertSame(
          Diversity.klToBase(measured, Measurement::first),
          trial.klToBase(trial.answers().get(0), trial.society().generators()));
    }
  }

  @Test
  void agentsThatAreOneModelDivergeByExactlyNothingAndStillDisagree() throws Exception {
    StoreInFolder store = new StoreInFolder(temporary);
    List<ArtifactRef> models = List.of(store.model(1), store.model(2));
    Trial any = trial(3, 2, models);
    Trial trial =
        new Trial(Society.copies(models.get(1), 3), any.base(), any.answers(), any.labels());
    List<Measurement> measured = measured(store, trial, models);
    assertThat(Diversity.klBetweenAgents(measured, Measurement::last)).isZero();
    assertThat(Diversity.klBetweenAgents(measured, Measurement::first)).isZero();
    assertThat(Diversity.klToBase(measured, Measurement::last)).isPositive();
    assertSame(Diversity.likelihood(measured), trial.likelihood());
    assertThat(Diversity.embeddingDissimilarity(measured)).isPositive();
  }
}
