package polyphony.activities.plan;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import polyphony.activities.evaluate.Portions;
import polyphony.activities.lm.AdapterConfig;
import polyphony.activities.lm.Arithmetic;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.train.TrainStep;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Method;
import polyphony.workflows.Role;
import polyphony.workflows.TrainingSpec;

/**
 * What an experiment's steps need of a process's memory at their peak, where every text is full. A
 * model that gives embeddings ({@code embeddingModel}) is left out: nothing reckons what an encoder
 * needs.
 */
public final class MemoryNeed {
  /** Of a question with what stands around it. */
  private static final int QUESTION_TOKENS = 128;

  private MemoryNeed() {}

  /**
   * @param arithmetic of where they are computed
   * @param base the model that everybody begins as
   * @param judge the model that {@code likelihoodModel} names, if it is another one
   * @param slots steps that are computed at the same time in one process
   * @return bytes
   */
  public static long of(
      Arithmetic arithmetic,
      LanguageModel base,
      Optional<LanguageModel> judge,
      Experiment experiment,
      int slots) {
    ExperimentSpec spec = experiment.spec();
    int rows = experiment.plan().batchSize();
    int context = base.config().maxPositions();
    int answer = Math.min(spec.sampling().maxNewTokens(), context / 2);
    int room = context - answer;
    int text = Math.min(room, conversation(spec, answer)) + answer;
    int prompt = Math.min(room, Math.max(conversation(spec, answer), summarised(spec, answer)));
    Scorers scorers = Scorers.of(spec, base);
    MemoryPlan sampling =
        MemoryPlan.sampling(arithmetic, base, scorers.speaking(), rows, prompt, answer);
    MemoryPlan scoring = scoring(arithmetic, base, scorers, rows, text, answer);
    long largest = Math.max(sampling.bytes(slots), scoring.bytes(slots));
    if (judge.isPresent()) {
      // The models that score remain open while it reads.
      largest =
          Math.max(
              largest,
              slots * scoring.parts().get("weights")
                  + scoring(arithmetic, judge.get(), Scorers.ONE, rows, text, answer).bytes(slots));
    }
    if (Method.named(spec.method()).trains() == Method.Trains.NOTHING) {
      return largest;
    }
    for (Role role : Role.values()) {
      largest =
          Math.max(
              largest,
              training(arithmetic, base, spec.training().forRole(role), text, answer, slots));
    }
    return largest;
  }

  private static long training(
      Arithmetic arithmetic,
      LanguageModel base,
      TrainingSpec training,
      int text,
      int answer,
      int slots) {
    long tokens =
        Math.min((long) training.batchSize() * text, Math.max(TrainStep.MICRO_BATCH_TOKENS, text));
    return MemoryPlan.training(
            arithmetic,
            base.config(),
            TrainStep.adapter(training, base.config()),
            TrainStep.recompute(training),
            TrainStep.LANES,
            tokens,
            Math.min(tokens, (long) training.batchSize() * answer))
        .bytes(slots);
  }

  private static MemoryPlan scoring(
      Arithmetic arithmetic, LanguageModel model, Scorers scorers, int rows, int text, int answer) {
    int tokens = Math.min(text, model.config().maxPositions());
    int scored = Math.min(answer, tokens);
    int together = scorers.together();
    return MemoryPlan.scoring(
        arithmetic,
        model,
        scorers.bases(),
        scorers.adapters(),
        rows * together,
        tokens,
        Math.min(
            (long) rows * together * scored,
            Portions.scored(model.config().vocabularySize(), scored * together)));
  }

  /**
   * The models that score answers.
   *
   * @param bases weights that are loaded
   * @param together models over one base that score an answer in one call
   * @param adapters over them
   */
  private record Scorers(int bases, int together, List<AdapterConfig> adapters) {
    static final Scorers ONE = new Scorers(1, 1, List.of());

    /** Adapters of one role, which speak in a round. */
    List<AdapterConfig> speaking() {
      return adapters.subList(0, Math.min(together - 1, adapters.size()));
    }

    static Scorers of(ExperimentSpec spec, LanguageModel base) {
      Method.Trains trains = Method.named(spec.method()).trains();
      if (trains == Method.Trains.NOTHING) {
        return ONE;
      }
      int models = trains == Method.Trains.ONE_MODEL ? 1 : spec.agents();
      List<AdapterConfig> adapters = new ArrayList<>();
      boolean shared = true;
      for (Role role : Role.values()) {
        if (role == Role.GENERATOR || trains == Method.Trains.GENERATORS_AND_CRITICS) {
          Optional<AdapterConfig> own =
              TrainStep.adapter(spec.training().forRole(role), base.config());
          own.ifPresent(each -> adapters.addAll(Collections.nCopies(models, each)));
          shared &= own.isPresent();
        }
      }
      return shared ? new Scorers(1, models + 1, adapters) : new Scorers(models + 1, 1, List.of());
    }
  }

  /** Tokens that an agent has read and said before its last answer. */
  private static int conversation(ExperimentSpec spec, int answer) {
    int turns = Method.named(spec.method()).debates() ? spec.rounds() - 1 : 0;
    // In each its own answer is there, and the others' or a summary of them.
    int answers = spec.summaries() ? Math.min(2, spec.agents()) : spec.agents();
    return QUESTION_TOKENS + turns * (answers * answer + QUESTION_TOKENS);
  }

  /** Tokens that whoever summarises reads. */
  private static int summarised(ExperimentSpec spec, int answer) {
    return Method.named(spec.method()).debates() && spec.rounds() > 1 && spec.summaries()
        ? QUESTION_TOKENS + (spec.agents() - 1) * answer
        : 0;
  }
}
