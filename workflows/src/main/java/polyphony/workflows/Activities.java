package polyphony.workflows;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.List;

/**
 * The steps, each with the method's own name as its activity type. All are idempotent: a step that
 * was done before returns its recorded result. Failures are {@code ApplicationFailure}s whose type
 * is the name of a {@link polyphony.storage.ErrorClass}.
 */
public final class Activities {
  /** Task queue of workflows and of the light steps. */
  public static final String ORCHESTRATION = "orchestration";

  /** Task queue of the steps that sample or score. */
  public static final String SAMPLING = "sampling";

  /** Task queue of the steps that train. */
  public static final String TRAINING = "training";

  /** On {@link #ORCHESTRATION}: quick steps without a model. */
  @ActivityInterface
  public interface Light {
    /**
     * Completes and records a spec, or returns what was recorded under that name before.
     *
     * @param name the experiment's
     * @return the experiment; its spec's iterations are those asked for now
     */
    @ActivityMethod(name = "resolve")
    Experiment resolve(String name, ExperimentSpec spec);

    /**
     * What an experiment will take, where enough was measured before to say so.
     *
     * @param spec complete
     * @return null where it was not
     */
    @ActivityMethod(name = "forecast")
    Forecast forecast(String name, ExperimentSpec spec);

    /** The questions to finetune on of an iteration that has its own. */
    @ActivityMethod(name = "fresh-questions")
    FreshQuestions.Result freshQuestions(FreshQuestions.Request request);

    @ActivityMethod(name = "vote")
    Vote.Result vote(Vote.Request request);

    @ActivityMethod(name = "split")
    Split.Result split(Split.Request request);

    /** Sums an iteration up and records it under the experiment's name. */
    @ActivityMethod(name = "record")
    IterationReport record(Recording.Request request);

    /**
     * What these experiments will be called, once they are completed; nothing is recorded.
     *
     * @return in the same order
     */
    @ActivityMethod(name = "name-experiments")
    List<String> nameExperiments(List<ExperimentSpec> specs);

    /** Compares finished experiments and keeps that under the comparison's name. */
    @ActivityMethod(name = "compare")
    List<ComparisonResult.Row> compare(
        String comparison, List<ComparisonResult.Compared> experiments);

    /**
     * Keeps a report of an experiment or a comparison, as far as it has come.
     *
     * @param name of either
     */
    @ActivityMethod(name = "report")
    KeptReport report(String name);

    /**
     * Sets a finished step aside, so that whoever needs it next computes it again.
     *
     * @param key as in {@code steps/<key>.json} in the store
     * @return the step's name
     */
    @ActivityMethod(name = "set-aside")
    String setAside(String key);

    /**
     * Keeps a workflow's history in the store, for when the service has forgotten it; what is kept
     * of one that is still running is its history so far.
     */
    @ActivityMethod(name = "export-history")
    ExportedHistory exportHistory(String workflowId, String runId);

    /** Sends a notice to the webhook of this worker's settings, if there is one. */
    @ActivityMethod(name = "notify")
    void announce(Notice notice);
  }

  /** On {@link #SAMPLING}. */
  @ActivityInterface
  public interface Sampling {
    @ActivityMethod(name = "debate")
    Debate.Result debate(Debate.Request request);

    @ActivityMethod(name = "debate-round")
    DebateRound.Result debateRound(DebateRound.Request request);

    @ActivityMethod(name = "evaluate")
    Evaluate.Result evaluate(Evaluate.Request request);
  }

  /** On {@link #TRAINING}. */
  @ActivityInterface
  public interface Training {
    @ActivityMethod(name = "train-generator")
    Train.Result trainGenerator(Train.Request request);

    @ActivityMethod(name = "train-critic")
    Train.Result trainCritic(Train.Request request);
  }

  private Activities() {}
}
