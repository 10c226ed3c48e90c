package polyphony.activities.train;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.Seeds;
import polyphony.activities.StepProgress;
import polyphony.activities.lm.Adapter;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.DecoderConfig;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.LanguageModelRuntime;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.lm.Scorer;
import polyphony.activities.lm.Trainer;
import polyphony.activities.lm.TrainingExample;
import polyphony.activities.lm.TrainingSettings;
import polyphony.activities.split.Example;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.ErrorClass;
import polyphony.storage.LocalCache;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.storage.StepManifest;
import polyphony.storage.TemporaryFolder;
import polyphony.workflows.Train;
import polyphony.workflows.TrainingSpec;

/**
 * Finetunes one model, or an adapter over it, on its training set. The work is committed every few
 * minutes: weights, optimizer state, position and loss curve. An attempt goes on from the last
 * commit, and its result has the same bytes as if it had never been interrupted.
 *
 * <p>Where a micro-batch does not fit into memory, the training goes on from its last commit with
 * micro-batches of half as many tokens, down to one text. Gradients add up over a step's
 * micro-batches, so that the weights are the same but for rounding, and for which numbers an
 * adapter's dropout leaves out.
 */
public final class TrainStep {
  private static final Logger LOG = LoggerFactory.getLogger(TrainStep.class);

  /** Raised whenever equal requests give other weights. */
  public static final int VERSION = 1;

  /** How much work an interruption may cost, as a rule. */
  public static final Duration COMMIT_INTERVAL = Duration.ofMinutes(2);

  private static final Duration PART = Duration.ofMinutes(30);

  // The second moment forgets sooner than with the customary 0.999, since a training here is tens
  // to hundreds of steps long; what works was measured with these.
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.99;
  private static final double EPSILON = 1e-8;

  /** Tokens of a micro-batch, padding included; one text at least. */
  public static final int MICRO_BATCH_TOKENS = 4096;

  public static final int LANES = 1;

  // Float rounding of two runtimes differs by 1e-5 or so on a mean loss, that of 16 bits by
  // hundredths; a wrong rotary table or a transposed matrix by whole nats.
  private static final double LARGEST_DISAGREEMENT = 1e-3;
  private static final double LARGEST_DISAGREEMENT_OF_HALVES = 0.1;
  private static final int COMPARED_EXAMPLES = 4;

  private final LanguageModelRuntime runtime;
  private final Checkpoints checkpoints;
  private final Path scratch;
  private final Clock clock;
  private final Duration commitInterval;
  private final Duration part;

  /**
   * How far a training has come.
   *
   * @param step optimizer steps done
   * @param state as {@link Trainer#saveState}; null at the start
   * @param curve JSON lines, one {@link Trainer.StepReport} per step done; null at the start
   * @param microBatchTokens of the steps that follow; null where they are as planned
   */
  record TrainCommit(
      int step,
      ArtifactRef state,
      ArtifactRef curve,
      @JsonInclude(JsonInclude.Include.NON_NULL) Integer microBatchTokens) {
    static final TrainCommit START = new TrainCommit(0, null, null, null);

    int tokens() {
      return microBatchTokens == null ? MICRO_BATCH_TOKENS : microBatchTokens;
    }

    TrainCommit with(int tokens) {
      return new TrainCommit(step, state, curve, tokens);
    }
  }

  /**
   * @param scratch folder for files on their way to the store
   * @param commitInterval how much work an interruption may cost
   * @param part after this much work an attempt commits and ends unfinished, so that others get
   *     their turn
   */
  public TrainStep(
      LanguageModelRuntime runtime,
      Checkpoints checkpoints,
      Path scratch,
      Clock clock,
      Duration commitInterval,
      Duration part) {
    this.runtime = runtime;
    this.checkpoints = checkpoints;
    this.scratch = scratch;
    this.clock = clock;
    this.commitInterval = commitInterval;
    this.part = part;
  }

  /** A part is 30 minutes. */
  public TrainStep(
      LanguageModelRuntime runtime,
      Checkpoints checkpoints,
      Path scratch,
      Duration commitInterval) {
    this(runtime, checkpoints, scratch, Clock.systemUTC(), commitInterval, PART);
  }

  /**
   * @return empty where the training was interrupted or its part is over; what was done is
   *     committed
   * @throws PolyphonyException DATA where an example does not fit the model
   */
  public Optional<Train.Result> run(
      Train.Request request, StepAttempt attempt, StepProgress progress) {
    Artifacts artifacts = attempt.artifacts();
    LanguageModel start = checkpoints.open(request.start());
    List<TrainingExample> examples =
        examples(JsonLines.read(artifacts.bytes(request.examples()), Example.class), start);
    TrainingSpec training = request.training();
    FinetuningBatches batches =
        new FinetuningBatches(
            examples,
            training.epochs(),
            training.batchSize(),
            request.seed(),
            request.role(),
            request.agent(),
            request.iteration());

    MicroBatches sizes = MicroBatches.of(batches);
    TrainCommit last = last(attempt);
    int planned = sizes.fitting(last.tokens(), tokens -> fits(start, training, sizes, tokens));
    if (planned < last.tokens() && fits(start, training, sizes, planned)) {
      last = halved(attempt, last.with(planned));
    }
    runtime.requireRoom(plan(start, training, sizes, last.tokens()));
    Optional<Trained> trained;
    Instant started = clock.instant();
    List<Trainer.StepReport> curve = new ArrayList<>();
    while (true) {
      try {
        trained = train(request, attempt, progress, start, batches, last, started, curve);
        break;
      } catch (PolyphonyException e) {
        last = last(attempt);
        if (e.errorClass() != ErrorClass.OUT_OF_MEMORY || !sizes.divisible(last.tokens())) {
          throw e;
        }
        LOG.warn("{}: goes on with half as large micro-batches", e.getMessage());
        attempt.forgetUsage();
        last = halved(attempt, last.with(sizes.half(last.tokens())));
      }
    }
    if (trained.isEmpty()) {
      return Optional.empty();
    }
    // The trainer is closed, so that its memory is there for the comparison; that of a base which
    // is kept for the next one is given up where it is needed.
    requireAgreement(trained.get());
    return Optional.of(result(trained.get(), curve, attempt));
  }

  private static TrainCommit last(StepAttempt attempt) {
    List<TrainCommit> commits = attempt.commits(TrainCommit.class);
    return commits.isEmpty() ? TrainCommit.START : commits.get(commits.size() - 1);
  }

  /** Committed at once, so that an attempt after this one forms the very same micro-batches. */
  private static TrainCommit halved(StepAttempt attempt, TrainCommit commit) {
    attempt.usage(StepManifest.HALVED_BATCHES, 1);
    attempt.commit(commit);
    return commit;
  }

  /**
   * Trains from a commit on.
   *
   * @param started when this attempt did
   * @param curve replaced by that of the whole training so far
   * @return empty where it is to stop, or its part is over; what was done is committed
   */
  private Optional<Trained> train(
      Train.Request request,
      StepAttempt attempt,
      StepProgress progress,
      LanguageModel start,
      FinetuningBatches batches,
      TrainCommit from,
      Instant started,
      List<Trainer.StepReport> curve) {
    Artifacts artifacts = attempt.artifacts();
    TrainCommit last = from;
    curve.clear();
    if (last.curve() != null) {
      curve.addAll(JsonLines.read(artifacts.bytes(last.curve()), Trainer.StepReport.class));
    }
    Instant committed = started;
    TrainingSettings settings = settings(request, start, batches.steps(), from.tokens());
    try (Trainer trainer = trainer(start, batches, settings, last, artifacts)) {
      requireStep(trainer.step(), curve.size());
      progress.report(trainer.step(), batches.steps());
      while (trainer.step() < batches.steps()) {
        Instant now = clock.instant();
        boolean stop =
            attempt.stopRequested() || Duration.between(started, now).compareTo(part) >= 0;
        boolean worked = trainer.step() > last.step();
        if (worked && (stop || Duration.between(committed, now).compareTo(commitInterval) >= 0)) {
          last = commit(trainer, curve, attempt, from.microBatchTokens());
          attempt.commit(last);
          committed = now;
        }
        if (stop) {
          return Optional.empty();
        }
        long begin = System.nanoTime();
        Trainer.StepReport report = trainer.next();
        attempt.usage(StepManifest.MODEL_SECONDS, (System.nanoTime() - begin) / 1e9);
        curve.add(report);
        attempt.usage("tokens", (double) report.tokens());
        attempt.usage("trainedTokens", (double) report.trainedTokens());
        progress.report(trainer.step(), batches.steps());
      }
      return Optional.of(trained(request, trainer, settings, batches, attempt));
    }
  }

  private static void requireStep(int trainer, int curve) {
    if (trainer != curve) {
      throw new PolyphonyException(
          ErrorClass.BUG, "the saved state has done " + trainer + " steps, its curve " + curve);
    }
  }

  private static TrainingSettings settings(
      Train.Request request, LanguageModel start, int steps, int microBatchTokens) {
    TrainingSpec training = request.training();
    return new TrainingSettings(
        training.learningRate(),
        TrainingSettings.Schedule.valueOf(training.schedule().toUpperCase(Locale.ROOT)),
        Math.toIntExact(Math.max(1, Math.round(training.warmupShare() * steps))),
        0.0,
        BETA1,
        BETA2,
        EPSILON,
        training.weightDecay(),
        training.clipNorm(),
        microBatchTokens,
        LANES,
        adapter(training, start.config())
            .map(
                adapter ->
                    new TrainingSettings.Lora(
                        adapter,
                        Seeds.adapter(
                            request.seed(), request.iteration(), request.role(), request.agent()))),
        recompute(training));
  }

  /**
   * The adapter that is trained; empty where every weight is.
   *
   * @param base what it is for
   * @throws PolyphonyException CONFIG for another tuning, or one that says too little
   */
  public static Optional<AdapterConfig> adapter(TrainingSpec training, DecoderConfig base) {
    return switch (training.tuning()) {
      case TrainingSpec.FULL -> Optional.empty();
      case TrainingSpec.LORA -> {
        if (training.rank() == null
            || training.alpha() == null
            || training.dropout() == null
            || training.targets() == null) {
          throw PolyphonyException.config(
              "tuning \"lora\" needs rank, alpha, dropout and targets; set what is missing");
        }
        yield Optional.of(
            new AdapterConfig(
                training.rank(),
                training.alpha(),
                training.dropout(),
                training.targets().contains(TrainingSpec.ALL_LINEAR)
                    ? base.linearLayers()
                    : new TreeSet<>(training.targets())));
      }
      default ->
          throw PolyphonyException.config(
              "tuning must be \"full\" or \"lora\", not \"" + training.tuning() + "\"");
    };
  }

  /** Whether activations are computed again instead of being kept. */
  public static boolean recompute(TrainingSpec training) {
    return Boolean.TRUE.equals(training.recompute());
  }

  private static List<TrainingExample> examples(List<Example> lines, LanguageModel model) {
    if (lines.isEmpty()) {
      throw PolyphonyException.data(
          "the training set is empty; an agent without examples keeps its weights");
    }
    List<TrainingExample> examples = new ArrayList<>();
    for (Example line : lines) {
      int[] tokens = line.tokens();
      String which = "training example " + (examples.size() + 1) + " (" + line.question() + ")";
      if (tokens.length > model.config().maxPositions()) {
        throw PolyphonyException.data(
            which
                + " has "
                + tokens.length
                + " tokens, more than the model's context of "
                + model.config().maxPositions()
                + "; lower maxNewTokens");
      }
      for (int token : tokens) {
        if (token < 0 || token >= model.config().vocabularySize()) {
          throw PolyphonyException.data(
              which
                  + " has the token id "
                  + token
                  + ", outside the model's vocabulary of "
                  + model.config().vocabularySize());
        }
      }
      boolean[] trained = new boolean[tokens.length];
      for (int[] range : line.trained()) {
        // The first token is predicted by nothing.
        if (range.length != 2 || range[0] < 1 || range[0] > range[1] || range[1] > tokens.length) {
          throw PolyphonyException.data(which + " has a trained range outside its tokens");
        }
        Arrays.fill(trained, range[0], range[1], true);
      }
      if (line.trained().stream().allMatch(range -> range[0] == range[1])) {
        throw PolyphonyException.data(which + " has no token to train on");
      }
      examples.add(new TrainingExample(tokens, trained));
    }
    return examples;
  }

  private Trainer trainer(
      LanguageModel start,
      FinetuningBatches batches,
      TrainingSettings settings,
      TrainCommit commit,
      Artifacts artifacts) {
    if (commit.state() == null) {
      return runtime.trainer(start, batches, settings, Optional.empty());
    }
    // Pinned only while it is read: the trainer has everything in memory once it is open.
    try (LocalCache.Pinned state = artifacts.open(commit.state())) {
      return runtime.trainer(start, batches, settings, Optional.of(state.path()));
    }
  }

  private boolean fits(LanguageModel model, TrainingSpec training, MicroBatches sizes, int tokens) {
    return plan(model, training, sizes, tokens).fits(runtime.memory());
  }

  /** Of the step that takes the most. */
  private MemoryPlan plan(
      LanguageModel model, TrainingSpec training, MicroBatches sizes, int microBatchTokens) {
    long tokens = sizes.largest(microBatchTokens);
    return MemoryPlan.training(
        runtime.arithmetic(),
        model.config(),
        adapter(training, model.config()),
        recompute(training),
        LANES,
        tokens,
        Math.min(sizes.trained(), tokens));
  }

  private TrainCommit commit(
      Trainer trainer,
      List<Trainer.StepReport> curve,
      StepAttempt attempt,
      Integer microBatchTokens) {
    return new TrainCommit(
        trainer.step(),
        withFile(
            "state.safetensors",
            file -> {
              trainer.saveState(file);
              return attempt.put(file, "application/x-safetensors", "state.safetensors");
            }),
        putCurve(curve, attempt),
        microBatchTokens);
  }

  private static ArtifactRef putCurve(List<Trainer.StepReport> curve, StepAttempt attempt) {
    return attempt.put(JsonLines.write(curve), JsonLines.MEDIA_TYPE, "curve.jsonl");
  }

  /**
   * What a training came to.
   *
   * @param examples a few that it learnt from
   * @param loss mean loss of these, by the runtime that trained
   */
  private record Trained(ArtifactRef checkpoint, List<TrainingExample> examples, double loss) {}

  private Trained trained(
      Train.Request request,
      Trainer trainer,
      TrainingSettings settings,
      FinetuningBatches batches,
      StepAttempt attempt) {
    Optional<AdapterConfig> adapter = settings.lora().map(TrainingSettings.Lora::adapter);
    ArtifactRef checkpoint =
        withFile(
            adapter.isPresent() ? Adapter.WEIGHTS : Checkpoints.WEIGHTS,
            file -> {
              trainer.saveWeights(file);
              return adapter.isPresent()
                  ? checkpoints.putWithAdapter(request.start(), adapter.get(), file, attempt::put)
                  : checkpoints.putWithWeights(request.start(), file, attempt::put);
            });
    List<TrainingExample> lastBatch = batches.batch(batches.steps() - 1);
    List<TrainingExample> few = lastBatch.subList(0, Math.min(COMPARED_EXAMPLES, lastBatch.size()));
    return new Trained(checkpoint, few, trainer.loss(few));
  }

  private Train.Result result(
      Trained trained, List<Trainer.StepReport> curve, StepAttempt attempt) {
    int tail = Math.max(1, curve.size() / 10);
    return new Train.Result(
        true,
        trained.checkpoint(),
        checkpoints.weightsSha256(trained.checkpoint()),
        putCurve(curve, attempt),
        curve.size(),
        curve.stream().mapToLong(Trainer.StepReport::tokens).sum(),
        curve.get(0).loss(),
        curve.subList(curve.size() - tail, curve.size()).stream()
            .mapToDouble(Trainer.StepReport::loss)
            .average()
            .orElseThrow(),
        null);
  }

  /**
   * The runtime that trained the weights and the one that will sample from them must see the same
   * model: the mean loss of a few examples must agree.
   */
  private void requireAgreement(Trained trained) {
    List<TrainingExample> examples = trained.examples();
    LanguageModel model = checkpoints.open(trained.checkpoint());
    List<Scorer.Text> texts =
        examples.stream().map(each -> new Scorer.Text(each.tokens(), firstTrained(each))).toList();
    runtime.requireRoom(comparison(model, texts));
    double sum = 0;
    long count = 0;
    try (Scorer scorer = runtime.scorer(model)) {
      List<Scorer.Scores> scores = scorer.score(texts);
      for (int i = 0; i < examples.size(); i++) {
        boolean[] mask = examples.get(i).trained();
        int from = firstTrained(examples.get(i));
        for (int token = from; token < mask.length; token++) {
          if (mask[token]) {
            sum -= scores.get(i).logLikelihoods()[token - from];
            count++;
          }
        }
      }
    }
    double sampled = sum / count;
    double bound =
        runtime.arithmetic() == Arithmetic.CUDA_BFLOAT16
            ? LARGEST_DISAGREEMENT_OF_HALVES
            : LARGEST_DISAGREEMENT;
    if (!(Math.abs(trained.loss() - sampled) <= bound)) {
      throw new PolyphonyException(
          ErrorClass.BUG,
          "training and sampling disagree on the finetuned model: its loss on "
              + examples.size()
              + " examples is "
              + trained.loss()
              + " in the one and "
              + sampled
              + " in the other; do not use this combination of model and versions");
    }
  }

  private MemoryPlan comparison(LanguageModel model, List<Scorer.Text> texts) {
    return MemoryPlan.scoring(
        runtime.arithmetic(),
        model,
        1,
        model.adapter().map(Adapter::config).stream().toList(),
        texts.size(),
        texts.stream().mapToInt(each -> each.tokens().length).max().orElseThrow(),
        texts.stream().mapToLong(each -> each.tokens().length - each.from()).sum());
  }

  private static int firstTrained(TrainingExample example) {
    int token = 1;
    while (!example.trained()[token]) {
      token++;
    }
    return token;
  }

  private interface FileUse {
    ArtifactRef use(Path file);
  }

  private ArtifactRef withFile(String name, FileUse use) {
    try (TemporaryFolder folder = new TemporaryFolder(scratch, "training-")) {
      return use.use(folder.path().resolve(name));
    }
  }
}
