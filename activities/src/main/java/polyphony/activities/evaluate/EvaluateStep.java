package polyphony.activities.evaluate;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import polyphony.activities.BatchSize;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.StepProgress;
import polyphony.activities.debate.Answer;
import polyphony.activities.grading.Grader;
import polyphony.activities.grading.Verdict;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.EncoderModel;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Scorer;
import polyphony.activities.tasks.Question;
import polyphony.activities.tasks.Tasks;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.storage.StepManifest;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Society;
import polyphony.workflows.SpecDefaults;

/**
 * Grades one range of evaluation questions and measures the society's diversity on its answers, by
 * the formulas of {@link Diversity}; here are the sums over tokens, and which model judges which
 * text. Last answers are scored by those who speak in the last round (critics, or generators where
 * it is the only one) and by the base model, first answers by generators and base. Every text is
 * teacher-forced: it is scored token by token after the very conversation that it answered, whoever
 * judges it.
 *
 * <p>{@code likelihoodModel: self} means that likelihood is measured by these models' own
 * probabilities; with an {@link OutsideJudge}, that model scores the last answers, and all else
 * stays as it is. {@code embeddingModel: base} means that the base model's hidden states are the
 * embeddings; an {@link AnswerEncoder} takes their place.
 *
 * <p>A model scores a text at most once, whatever is measured with it; agents that share a
 * checkpoint share its scores, and their divergence is 0 without being computed: where one model
 * plays every agent, KL between agents is 0 by construction. Models over one base score a text in
 * one call. Of one portion of a batch the distributions of at most two calls are in memory at a
 * time, and as many bases as fit. Each batch of questions is committed when it is done.
 */
public final class EvaluateStep {
  /** The activity's type and the step's name. */
  public static final String NAME = "evaluate";

  /** Raised whenever equal requests give other measurements. */
  public static final int VERSION = 1;

  private final LanguageModelRuntime runtime;
  private final Checkpoints checkpoints;

  public EvaluateStep(LanguageModelRuntime runtime, Checkpoints checkpoints) {
    this.runtime = runtime;
    this.checkpoints = checkpoints;
  }

  /**
   * @return empty where a stop was requested before the end
   * @throws PolyphonyException DATA where answers, votes and questions do not fit together
   */
  public Optional<Evaluate.Result> run(
      Evaluate.Request request, StepAttempt attempt, StepProgress progress) {
    requireKnown(
        "likelihoodModel",
        request.likelihoodModel(),
        SpecDefaults.SELF,
        request.likelihoodCheckpoint());
    requireKnown(
        "embeddingModel",
        request.embeddingModel(),
        SpecDefaults.BASE,
        request.embeddingCheckpoint());
    Artifacts artifacts = attempt.artifacts();
    List<List<List<Answer>>> answers = answers(request, artifacts);
    List<List<Answer>> first = answers.get(0);
    List<List<Answer>> last = answers.get(answers.size() - 1);
    boolean debated = answers.size() > 1;
    int agents = last.size();

    Plan lastPlan = lastPlan(request, debated);
    Plan firstPlan = debated ? firstPlan(request) : lastPlan;
    Outside outside = new Outside(request);
    long texts = texts(lastPlan, last, firstPlan, debated ? first : List.of(), outside);

    Map<Integer, Segment> committed = new HashMap<>();
    attempt.commits(Segment.class).forEach(segment -> committed.put(segment.from(), segment));
    BatchSize size =
        new BatchSize(
            committed.values().stream()
                .map(Segment::most)
                .filter(Objects::nonNull)
                .min(Comparator.naturalOrder())
                .orElse(Integer.MAX_VALUE),
            () -> attempt.usage(StepManifest.HALVED_BATCHES, 1));
    List<Measurement> measurements = new ArrayList<>();
    try (Judges judges =
            new Judges(request.batchSize(), answers, List.of(lastPlan, firstPlan), size);
        outside) {
      Scoring scoring = new Scoring(judges, outside, attempt, progress, texts);
      for (int from = request.from(); from < request.to(); from += request.batchSize()) {
        int to = Math.min(from + request.batchSize(), request.to());
        List<List<Answer>> firstHere = slice(first, from - request.from(), to - request.from());
        List<List<Answer>> lastHere = slice(last, from - request.from(), to - request.from());
        Segment segment = committed.get(from);
        if (segment != null) {
          scoring.skip(
              texts(lastPlan, lastHere, firstPlan, debated ? firstHere : List.of(), outside));
          measurements.addAll(
              JsonLines.read(artifacts.bytes(segment.measurements()), Measurement.class));
          continue;
        }
        long start = System.nanoTime();
        double opening = judges.openingSeconds;
        Series lastSeries = new Series(agents, to - from);
        Series firstSeries = debated ? new Series(agents, to - from) : lastSeries;
        if (!scoring.score(lastHere, lastPlan, lastSeries)
            || (debated && !scoring.score(firstHere, firstPlan, firstSeries))) {
          return Optional.empty();
        }
        List<Measurement> graded =
            grade(request, artifacts, from, firstHere, lastHere, lastSeries, firstSeries);
        attempt.usage(
            StepManifest.MODEL_SECONDS,
            (System.nanoTime() - start) / 1e9 - (judges.openingSeconds - opening));
        Integer most = size.most() == Integer.MAX_VALUE ? null : size.most();
        attempt.commit(new Segment(from, put(graded, attempt), most));
        measurements.addAll(graded);
      }
    }
    return Optional.of(new Evaluate.Result(put(measurements, attempt), null));
  }

  private static void requireKnown(String field, String name, String word, ArtifactRef checkpoint) {
    if (name.equals(word) != (checkpoint == null)) {
      throw PolyphonyException.config(
          field
              + " must be \""
              + word
              + "\", or a name with its checkpoint, not \""
              + name
              + "\" with "
              + (checkpoint == null ? "none" : "one"));
    }
  }

  /** How often a model reads an answer. */
  private static long texts(
      Plan lastPlan,
      List<List<Answer>> last,
      Plan firstPlan,
      List<List<Answer>> first,
      Outside outside) {
    return lastPlan.texts(last) + firstPlan.texts(first) + outside.models() * Plan.answers(last);
  }

  /** How often a model scores an answer, where all answers can be scored. */
  public static long scorings(Evaluate.Request request) {
    boolean debated = request.answers().size() > 1;
    long last =
        judges(lastPlan(request, debated))
            + (long) outsideModels(request) * request.society().agents();
    long first = debated ? judges(firstPlan(request)) : 0;
    return (request.to() - request.from()) * (last + first);
  }

  private static int outsideModels(Evaluate.Request request) {
    return (request.likelihoodCheckpoint() == null ? 0 : 1)
        + (request.embeddingCheckpoint() == null ? 0 : 1);
  }

  private static long judges(Plan plan) {
    return plan.judges().stream().mapToLong(List::size).sum();
  }

  private static Plan lastPlan(Evaluate.Request request, boolean debated) {
    Society society = request.society();
    return new Plan(
        debated ? society.critics() : society.generators(),
        request.base(),
        true,
        request.likelihoodCheckpoint() != null,
        request.embeddingCheckpoint() != null);
  }

  private static Plan firstPlan(Evaluate.Request request) {
    return new Plan(request.society().generators(), request.base(), false, false, false);
  }

  /**
   * The measurements of the batch of questions that starts at {@code from}, as committed.
   *
   * @param most texts that fitted into memory together, each counted for each of its judges; null
   *     where all did
   */
  record Segment(
      int from,
      ArtifactRef measurements,
      @JsonInclude(JsonInclude.Include.NON_NULL) Integer most) {}

  private static ArtifactRef put(List<Measurement> measurements, StepAttempt attempt) {
    return attempt.put(JsonLines.write(measurements), JsonLines.MEDIA_TYPE, "measurements.jsonl");
  }

  private static List<List<Answer>> slice(List<List<Answer>> answers, int from, int to) {
    return answers.stream().map(agent -> agent.subList(from, to)).toList();
  }

  /** By round, then by agent, then by question. */
  private static List<List<List<Answer>>> answers(Evaluate.Request request, Artifacts artifacts) {
    List<List<List<Answer>>> rounds = new ArrayList<>();
    for (List<ArtifactRef> round : request.answers()) {
      List<List<Answer>> agents = new ArrayList<>();
      for (ArtifactRef artifact : round) {
        List<Answer> answers = JsonLines.read(artifacts.bytes(artifact), Answer.class);
        for (int i = 0; i < answers.size(); i++) {
          Answer answer = answers.get(i);
          if (answer.index() != request.from() + i
              || answer.agent() != agents.size()
              || answer.round() != rounds.size() + 1) {
            throw PolyphonyException.data(
                "line "
                    + (i + 1)
                    + " of the answers "
                    + artifact.sha256()
                    + " belongs to another range, agent or round");
          }
        }
        requireCount("answers", answers.size(), request.to() - request.from());
        agents.add(answers);
      }
      requireCount("agents", agents.size(), request.society().agents());
      rounds.add(agents);
    }
    if (rounds.isEmpty() || rounds.get(0).isEmpty()) {
      throw PolyphonyException.data("there are no answers to evaluate");
    }
    return rounds;
  }

  private static void requireCount(String what, int found, int expected) {
    if (found != expected) {
      throw PolyphonyException.data(
          "there are " + found + " " + what + " where " + expected + " are expected");
    }
  }

  private static List<Measurement> grade(
      Evaluate.Request request,
      Artifacts artifacts,
      int from,
      List<List<Answer>> first,
      List<List<Answer>> last,
      Series lastSeries,
      Series firstSeries) {
    Grader grader = Tasks.grader(request.task());
    List<Question> questions = JsonLines.read(artifacts.bytes(request.questions()), Question.class);
    List<Label> labels = JsonLines.read(artifacts.bytes(request.votes()), Label.class);
    requireCount("votes", labels.size(), questions.size());
    int agents = last.size();
    List<Measurement> measurements = new ArrayList<>();
    for (int position = 0; position < last.get(0).size(); position++) {
      int index = from + position;
      Question question = questions.get(index);
      Label label = labels.get(index);
      List<Answer> firstAnswers = at(first, position);
      List<Answer> lastAnswers = at(last, position);
      if (label.index() != index
          || !label.question().equals(question.id())
          || !lastAnswers.stream().allMatch(each -> each.question().equals(question.id()))) {
        throw PolyphonyException.data(
            "question " + index + " is not the same in questions, answers and votes");
      }
      double dissimilarity = 0;
      int pairs = 0;
      for (int a = 0; a < agents; a++) {
        for (int b = a + 1; b < agents; b++) {
          OptionalDouble pair = lastSeries.dissimilarity(a, b, position);
          dissimilarity += pair.orElse(0);
          pairs += pair.isPresent() ? 1 : 0;
        }
      }
      TrueAnswer truth = new TrueAnswer(grader, question.answer());
      measurements.add(
          new Measurement(
              index,
              question.id(),
              label.label(),
              truth.is(label.label()),
              label.share(),
              firstAnswers.stream().map(each -> truth.is(each.answer())).toList(),
              lastAnswers.stream().map(each -> truth.is(each.answer())).toList(),
              lastAnswers.stream().map(each -> each.answer() != null).toList(),
              agents > 1 || request.likelihoodCheckpoint() != null
                  ? lastSeries.negativeLogLikelihoods(position)
                  : List.of(),
              request.likelihoodCheckpoint() == null ? null : lastSeries.likelihoodTokens(position),
              lastSeries.divergences(position),
              firstSeries.divergences(position),
              dissimilarity,
              pairs,
              truth.undecided()));
    }
    return measurements;
  }

  private static List<Answer> at(List<List<Answer>> answers, int position) {
    return answers.stream().map(agent -> agent.get(position)).toList();
  }

  /** A question's true answer, with which every different answer is compared once. */
  private static final class TrueAnswer {
    private final Grader grader;
    private final String truth;
    private final Map<String, Verdict> verdicts = new HashMap<>();

    TrueAnswer(Grader grader, String truth) {
      this.grader = grader;
      this.truth = truth;
    }

    /**
     * @param answer null where there is none, or it could not be read: that is wrong
     */
    boolean is(String answer) {
      return answer != null
          && verdicts.computeIfAbsent(answer, each -> grader.compare(each, truth)) == Verdict.EQUAL;
    }

    int undecided() {
      return (int) verdicts.values().stream().filter(Verdict.UNDECIDED::equals).count();
    }
  }

  /**
   * Which models score which agent's answers.
   *
   * @param speakers by agent: who gave the answers
   * @param last whether likelihood and embeddings are wanted as well
   * @param judged whether a model outside gives the likelihood
   * @param encoded whether a model outside gives the embeddings
   */
  private record Plan(
      List<ArtifactRef> speakers, ArtifactRef base, boolean last, boolean judged, boolean encoded) {
    /** Agent (n mod N) + 1, both counted from 0 here: the held-out judge of agent n's answers. */
    int next(int agent) {
      return (agent + 1) % speakers.size();
    }

    /** Checkpoints that score an agent's answers, the agent's own first, each once. */
    List<ArtifactRef> judges(int agent) {
      Map<String, ArtifactRef> judges = new LinkedHashMap<>();
      judges.put(speakers.get(agent).sha256(), speakers.get(agent));
      speakers.forEach(each -> judges.putIfAbsent(each.sha256(), each));
      judges.putIfAbsent(base.sha256(), base);
      if (judges.size() == 1 && (!last || (judged && encoded))) {
        // All models are one: every divergence is 0 and nothing else is wanted of them.
        return List.of();
      }
      return List.copyOf(judges.values());
    }

    /** By agent. */
    List<List<ArtifactRef>> judges() {
      return IntStream.range(0, speakers.size()).mapToObj(this::judges).toList();
    }

    static long answers(List<List<Answer>> answers) {
      return answers.stream().flatMap(List::stream).filter(each -> tokens(each) > 0).count();
    }

    long texts(List<List<Answer>> answers) {
      return IntStream.range(0, answers.size())
          .mapToLong(
              agent ->
                  judges(agent).size()
                      * answers.get(agent).stream().filter(each -> tokens(each) > 0).count())
          .sum();
    }
  }

  /** Tokens of the answer itself. */
  private static int tokens(Answer answer) {
    int[] turn = turn(answer);
    return turn[1] - turn[0];
  }

  private static int[] turn(Answer answer) {
    int[] turn = answer.turns().isEmpty() ? null : answer.turns().get(answer.turns().size() - 1);
    if (turn == null
        || turn.length != 2
        || turn[0] < 1
        || turn[1] < turn[0]
        || turn[1] > answer.tokens().length) {
      throw PolyphonyException.data(
          "the answer to question " + answer.question() + " has no valid range of tokens");
    }
    return turn;
  }

  /** Sums by agent and question. */
  private static final class Series {
    final int[][] tokens;
    final double[][] negativeLogLikelihood;
    final int[][] likelihoodTokens;
    final double[][] toBase;
    final double[][][] between;
    final float[][][] embeddings;

    Series(int agents, int questions) {
      tokens = new int[agents][questions];
      negativeLogLikelihood = new double[agents][questions];
      likelihoodTokens = new int[agents][questions];
      toBase = new double[agents][questions];
      between = new double[agents][agents][questions];
      embeddings = new float[agents][questions][];
    }

    List<Double> negativeLogLikelihoods(int question) {
      return Arrays.stream(negativeLogLikelihood).map(each -> each[question]).toList();
    }

    List<Integer> likelihoodTokens(int question) {
      return Arrays.stream(likelihoodTokens).map(each -> each[question]).toList();
    }

    Divergences divergences(int question) {
      int agents = tokens.length;
      return new Divergences(
          Arrays.stream(tokens).map(each -> each[question]).toList(),
          agents > 1
              ? Arrays.stream(between)
                  .map(own -> Arrays.stream(own).map(each -> each[question]).toList())
                  .toList()
              : List.of(),
          Arrays.stream(toBase).map(each -> each[question]).toList());
    }

    OptionalDouble dissimilarity(int a, int b, int question) {
      return embeddings[a][question] == null || embeddings[b][question] == null
          ? OptionalDouble.empty()
          : Diversity.dissimilarity(embeddings[a][question], embeddings[b][question]);
    }
  }

  /**
   * The scorers of this range, one for all models over one base, each opened when it is first
   * needed. Where they do not all fit into memory, the one that was not needed for longest is
   * closed.
   */
  private final class Judges implements AutoCloseable {
    /** By base, then by checkpoint. */
    private final Map<Path, Map<String, LanguageModel>> bases = new LinkedHashMap<>();

    private final LinkedHashMap<Path, Scorer> scorers = new LinkedHashMap<>(8, 0.75f, true);
    private final List<Scorer.Text> largest;
    private final BatchSize size;

    /** Judges of one text that one call has at most. */
    private final int together;

    private double openingSeconds;

    /**
     * @param batchSize texts that are scored together
     * @param answers all that there will be
     * @param plans of who scores them
     * @param size texts that are scored together at most, each counted for each of its judges
     */
    Judges(int batchSize, List<List<List<Answer>>> answers, List<Plan> plans, BatchSize size) {
      this.size = size;
      plans.forEach(plan -> plan.judges().forEach(judges -> judges.forEach(this::open)));
      Scorer.Text longest =
          answers.stream()
              .flatMap(List::stream)
              .flatMap(List::stream)
              .map(EvaluateStep::text)
              .max(Comparator.comparingInt(text -> text.tokens().length))
              .orElseThrow();
      this.largest = Collections.nCopies(batchSize, longest);
      this.together =
          plans.stream()
              .flatMap(plan -> plan.judges().stream())
              .flatMap(judges -> byBase(judges).stream())
              .mapToInt(List::size)
              .max()
              .orElse(1);
    }

    private void open(ArtifactRef judge) {
      LanguageModel model = checkpoints.open(judge);
      bases
          .computeIfAbsent(model.folder(), base -> new LinkedHashMap<>())
          .put(judge.sha256(), model);
    }

    /** What all of them take together; empty where nothing is scored. */
    Optional<MemoryPlan> plan() {
      return bases.values().stream().findFirst().map(each -> plan(each, bases.size(), size.most()));
    }

    /**
     * @param most texts that are scored together, each counted for each of its judges
     */
    private MemoryPlan plan(Map<String, LanguageModel> base, int sessions, int most) {
      List<AdapterConfig> adapters =
          bases.values().stream()
              .flatMap(each -> each.values().stream())
              .flatMap(each -> each.adapter().stream())
              .map(Adapter::config)
              .toList();
      int texts = Math.min(Math.max(1, most / together), largest.size());
      return Portions.plan(
          runtime.arithmetic(),
          base.values().iterator().next(),
          sessions,
          adapters,
          largest.subList(0, texts),
          together);
    }

    /**
     * Texts that are scored at a time, at most: as many as fit beside one base alone.
     *
     * @param judges that score a text in one call
     */
    int atOnce(ArtifactRef judge, int judges) {
      if (scorers.isEmpty()) {
        Map<String, LanguageModel> base = base(judge);
        size.fit(largest.size() * together, most -> plan(base, 1, most).fits(runtime.memory()));
      }
      return Math.max(1, size.most() / judges);
    }

    /** These judges, those of one base together. */
    List<List<ArtifactRef>> byBase(List<ArtifactRef> judges) {
      return bases.values().stream()
          .map(base -> judges.stream().filter(each -> base.containsKey(each.sha256())).toList())
          .filter(each -> !each.isEmpty())
          // The agent's own model scores first: the others are compared with it.
          .sorted(Comparator.comparingInt(each -> judges.indexOf(each.get(0))))
          .toList();
    }

    private Map<String, LanguageModel> base(ArtifactRef judge) {
      return bases.values().stream()
          .filter(each -> each.containsKey(judge.sha256()))
          .findFirst()
          .orElseThrow();
    }

    int vocabularySize(ArtifactRef judge) {
      return base(judge).get(judge.sha256()).config().vocabularySize();
    }

    /**
     * Has texts scored by several judges over one base, in one call.
     *
     * @return by judge, then by text
     */
    List<List<Scorer.Scores>> score(List<ArtifactRef> judges, List<Scorer.Text> texts) {
      Map<String, LanguageModel> base = base(judges.get(0));
      List<String> places = List.copyOf(base.keySet());
      List<Scorer.Text> rows = new ArrayList<>();
      for (ArtifactRef judge : judges) {
        int place = places.indexOf(judge.sha256());
        texts.forEach(each -> rows.add(new Scorer.Text(each.tokens(), each.from(), place)));
      }
      Scorer scorer = scorer(base);
      List<Scorer.Scores> scores = size.inBatches(rows, scorer::score);
      return IntStream.range(0, judges.size())
          .mapToObj(i -> scores.subList(i * texts.size(), (i + 1) * texts.size()))
          .toList();
    }

    private Scorer scorer(Map<String, LanguageModel> base) {
      Path folder = base.values().iterator().next().folder();
      Scorer scorer = scorers.get(folder);
      if (scorer == null) {
        long start = System.nanoTime();
        makeRoom(base);
        scorer = runtime.scorer(List.copyOf(base.values()));
        openingSeconds += (System.nanoTime() - start) / 1e9;
        scorers.put(folder, scorer);
      }
      return scorer;
    }

    private void makeRoom(Map<String, LanguageModel> base) {
      while (!scorers.isEmpty()
          && !plan(base, scorers.size() + 1, size.most()).fits(runtime.memory())) {
        Iterator<Scorer> eldest = scorers.values().iterator();
        eldest.next().close();
        eldest.remove();
      }
      runtime.requireRoom(plan(base, scorers.size() + 1, size.most()));
    }

    /** Closes all that are open; what is needed again is opened again. */
    @Override
    public void close() {
      scorers.values().forEach(Scorer::close);
      scorers.clear();
    }
  }

  /**
   * The models that take no part in the debate, as far as the spec names any. Where they and the
   * {@link Judges} do not all fit into memory, each is open only while it is used, and the judges
   * are not meanwhile.
   */
  private final class Outside implements AutoCloseable {
    private final Evaluate.Request request;
    private OutsideJudge judge;
    private AnswerEncoder encoder;

    Outside(Evaluate.Request request) {
      this.request = request;
    }

    int models() {
      return outsideModels(request);
    }

    boolean encodes() {
      return request.embeddingCheckpoint() != null;
    }

    /**
     * What these models make of an agent's last answers.
     *
     * @param questions positions of the answers in the batch
     * @param judges give their memory back where it is needed
     * @return how many answers were read, by all models together
     */
    int measure(
        List<Answer> answers, int agent, List<Integer> questions, Judges judges, Series series) {
      List<MemoryPlan> plans = new ArrayList<>();
      judges.plan().ifPresent(plans::add);
      List<Scorer.Text> judged = List.of();
      if (request.likelihoodCheckpoint() != null) {
        if (judge == null) {
          LanguageModel model = checkpoints.open(request.likelihoodCheckpoint());
          judge = new OutsideJudge(request.likelihoodModel(), model, runtime);
        }
        judged = judge.texts(answers);
        plans.add(judge.plan(judged));
      }
      List<int[]> encoded = List.of();
      if (encodes()) {
        if (encoder == null) {
          EncoderModel model = checkpoints.openEncoder(request.embeddingCheckpoint());
          encoder = new AnswerEncoder(model, runtime);
        }
        encoded = encoder.texts(answers);
        plans.add(encoder.plan(encoded));
      }
      boolean together = MemoryPlan.together(plans) <= runtime.memory();
      if (!together) {
        judges.close();
        release();
      }
      if (judge != null) {
        List<OutsideJudge.Likelihood> likelihoods = judge.likelihoods(judged);
        for (int i = 0; i < answers.size(); i++) {
          int question = questions.get(i);
          series.negativeLogLikelihood[agent][question] =
              likelihoods.get(i).negativeLogLikelihood();
          series.likelihoodTokens[agent][question] = likelihoods.get(i).tokens();
        }
        if (!together) {
          release();
        }
      }
      if (encoder != null) {
        List<float[]> embeddings = encoder.embeddings(encoded);
        for (int i = 0; i < answers.size(); i++) {
          series.embeddings[agent][questions.get(i)] = embeddings.get(i);
        }
        if (!together) {
          release();
        }
      }
      return models() * answers.size();
    }

    private void release() {
      if (judge != null) {
        judge.release();
      }
      if (encoder != null) {
        encoder.release();
      }
    }

    @Override
    public void close() {
      try {
        if (judge != null) {
          judge.close();
        }
      } finally {
        if (encoder != null) {
          encoder.close();
        }
      }
    }
  }

  /** An answer to be scored in its conversation. */
  private static Scorer.Text text(Answer answer) {
    return new Scorer.Text(Arrays.copyOf(answer.tokens(), turn(answer)[1]), turn(answer)[0]);
  }

  private static final class Scoring {
    private final Judges judges;
    private final Outside outside;
    private final StepAttempt attempt;
    private final StepProgress progress;
    private final long total;
    private long done;

    Scoring(
        Judges judges, Outside outside, StepAttempt attempt, StepProgress progress, long total) {
      this.judges = judges;
      this.outside = outside;
      this.attempt = attempt;
      this.progress = progress;
      this.total = total;
    }

    /** Counts texts that an earlier attempt has scored. */
    void skip(long texts) {
      done += texts;
      progress.report(done, total);
    }

    /**
     * Scores one batch of questions, each agent's answers together, and fills in {@code series};
     * false where a stop was requested.
     */
    boolean score(List<List<Answer>> answers, Plan plan, Series series) {
      for (int agent = 0; agent < answers.size(); agent++) {
        List<Answer> own = answers.get(agent);
        for (int question = 0; question < own.size(); question++) {
          series.tokens[agent][question] = tokens(own.get(question));
        }
        List<Integer> scored =
            IntStream.range(0, own.size())
                .filter(question -> tokens(own.get(question)) > 0)
                .boxed()
                .toList();
        if (!scored.isEmpty() && !score(own, agent, scored, plan, series)) {
          return false;
        }
      }
      return true;
    }

    private boolean score(
        List<Answer> answers, int agent, List<Integer> questions, Plan plan, Series series) {
      List<Scorer.Text> batch =
          questions.stream().map(answers::get).map(EvaluateStep::text).toList();
      List<List<ArtifactRef>> wanted = judges.byBase(plan.judges(agent));
      int from = 0;
      for (List<Scorer.Text> portion : portions(batch, wanted)) {
        List<Integer> here = questions.subList(from, from + portion.size());
        if (!scorePortion(portion, wanted, agent, here, plan, series)) {
          return false;
        }
        from += portion.size();
      }
      if (plan.last() && outside.models() > 0) {
        if (attempt.stopRequested()) {
          return false;
        }
        done +=
            outside.measure(
                questions.stream().map(answers::get).toList(), agent, questions, judges, series);
        progress.report(done, total);
      }
      return true;
    }

    private List<List<Scorer.Text>> portions(
        List<Scorer.Text> batch, List<List<ArtifactRef>> wanted) {
      if (wanted.isEmpty()) {
        return List.of();
      }
      int together = wanted.stream().mapToInt(List::size).max().orElseThrow();
      ArtifactRef first = wanted.get(0).get(0);
      return Portions.of(
          batch, judges.vocabularySize(first), together, judges.atOnce(first, together));
    }

    /**
     * @param wanted who is to score the texts, those of one base together
     */
    private boolean scorePortion(
        List<Scorer.Text> batch,
        List<List<ArtifactRef>> wanted,
        int agent,
        List<Integer> questions,
        Plan plan,
        Series series) {
      List<Scorer.Scores> own = null;
      for (List<ArtifactRef> together : wanted) {
        if (attempt.stopRequested()) {
          return false;
        }
        List<List<Scorer.Scores>> scores = judges.score(together, batch);
        if (own == null) {
          own = scores.get(0);
        }
        for (int judge = 0; judge < together.size(); judge++) {
          for (int i = 0; i < batch.size(); i++) {
            collect(
                agent,
                questions.get(i),
                together.get(judge),
                own.get(i),
                scores.get(judge).get(i),
                plan,
                series);
          }
        }
        double tokens = batch.stream().mapToDouble(text -> text.tokens().length).sum();
        attempt.usage("scoredTokens", together.size() * tokens);
        done += (long) together.size() * batch.size();
        progress.report(done, total);
      }
      return true;
    }

    private static void collect(
        int agent,
        int question,
        ArtifactRef judge,
        Scorer.Scores own,
        Scorer.Scores scores,
        Plan plan,
        Series series) {
      double divergence = same(judge, plan.speakers().get(agent)) ? 0 : divergence(own, scores);
      for (int other = 0; other < plan.speakers().size(); other++) {
        if (same(judge, plan.speakers().get(other))) {
          series.between[agent][other][question] = divergence;
        }
      }
      if (same(judge, plan.base())) {
        series.toBase[agent][question] = divergence;
        if (plan.last() && !plan.encoded()) {
          series.embeddings[agent][question] = scores.embedding();
        }
      }
      if (plan.last() && !plan.judged() && same(judge, plan.speakers().get(plan.next(agent)))) {
        double sum = 0;
        for (float each : scores.logLikelihoods()) {
          sum -= each;
        }
        if (!Double.isFinite(sum)) {
          throw PolyphonyException.data(
              "model " + judge.sha256() + " gives no finite probabilities; its training diverged");
        }
        series.negativeLogLikelihood[agent][question] = sum;
      }
    }

    private static boolean same(ArtifactRef one, ArtifactRef other) {
      return one.sha256().equals(other.sha256());
    }

    private static double divergence(Scorer.Scores own, Scorer.Scores other) {
      double sum = 0;
      for (int token = 0; token < own.logDistributions().length; token++) {
        float[] p = own.logDistributions()[token];
        float[] q = other.logDistributions()[token];
        if (p.length != q.length) {
          throw PolyphonyException.data(
              "two models of the society have vocabularies of " + p.length + " and " + q.length);
        }
        sum += Diversity.kl(p, q);
      }
      return sum;
    }
  }
}
