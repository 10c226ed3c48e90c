package polyphony.activities.plan;

import java.util.stream.LongStream;
import polyphony.activities.lm.LanguageModel;
import polyphony.activities.lm.MemoryPlan;
import polyphony.activities.train.TrainStep;
import polyphony.workflows.Experiment;
import polyphony.workflows.ExperimentSpec;
import polyphony.workflows.Method;

/**
 * What an experiment's steps need of a process's memory at their peak, where every text is full.
 */
public final class MemoryNeed {
  /** Of a question with what stands around it. */
  private static final int QUESTION_TOKENS = 128;

  private MemoryNeed() {}

  /**
   * @param base the model that everybody begins as
   * @param slots steps that are computed at the same time in one process
   * @return bytes
   */
  public static long of(LanguageModel base, Experiment experiment, int slots) {
    ExperimentSpec spec = experiment.spec();
    int rows = experiment.plan().batchSize();
    int context = base.config().maxPositions();
    int answer = Math.min(spec.sampling().maxNewTokens(), context / 2);
    boolean debates = Method.named(spec.method()).debates();
    // A critic reads its own answer and what a summary, or the others, make of theirs.
    int prompt = Math.min(context - answer, QUESTION_TOKENS + (debates ? 2 * answer : 0));
    int text = prompt + answer;
    boolean trains = Method.named(spec.method()).trains() != Method.Trains.NOTHING;
    MemoryPlan sampling = MemoryPlan.sampling(base, rows, prompt, answer);
    MemoryPlan scoring = MemoryPlan.scoring(base, models(spec), rows, text, (long) rows * answer);
    long largest = Math.max(sampling.bytes(slots), scoring.bytes(slots));
    if (!trains) {
      return largest;
    }
    long tokens =
        Math.min(
            (long) spec.training().batchSize() * text,
            Math.max(TrainStep.MICRO_BATCH_TOKENS, text));
    MemoryPlan training =
        MemoryPlan.training(
            base,
            TrainStep.LANES,
            tokens,
            Math.min(tokens, (long) spec.training().batchSize() * answer));
    return LongStream.of(largest, training.bytes(slots)).max().orElseThrow();
  }

  /** Models that score answers, the base among them. */
  private static int models(ExperimentSpec spec) {
    return switch (Method.named(spec.method()).trains()) {
      case NOTHING -> 1;
      case ONE_MODEL -> 2;
      case GENERATORS, GENERATORS_AND_CRITICS -> spec.agents() + 1;
    };
  }
}
