package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import polyphony.storage.ArtifactRef;

/**
 * An experiment with nothing left open: the complete spec and the content of everything that it
 * names. Recorded once; nothing is defaulted later.
 *
 * @param name also the workflow's id
 * @param spec every field set
 * @param base checkpoint of the untouched base model
 * @param trainQuestions question set to finetune on (JSON lines); where every iteration has its
 *     own, that of iteration 1
 * @param evaluateQuestions question set to evaluate on (JSON lines)
 * @param prompts the prompt set's templates
 * @param plan how work is cut into units
 * @param versions of everything that can change bytes
 * @param evaluatePrompts templates for the questions to evaluate on; null: {@code prompts}
 * @param likelihoodCheckpoint of the model that {@code likelihoodModel} names; null: {@code self}
 * @param embeddingCheckpoint of the encoder that {@code embeddingModel} names; null: {@code base}
 * @param origin what it was forked from; null where it began by itself
 */
public record Experiment(
    String name,
    ExperimentSpec spec,
    ArtifactRef base,
    ArtifactRef trainQuestions,
    ArtifactRef evaluateQuestions,
    ArtifactRef prompts,
    BatchPlan plan,
    Map<String, String> versions,
    // What is open is left out, so that what was recorded before is found again.
    @JsonInclude(JsonInclude.Include.NON_NULL) ArtifactRef evaluatePrompts,
    @JsonInclude(JsonInclude.Include.NON_NULL) ArtifactRef likelihoodCheckpoint,
    @JsonInclude(JsonInclude.Include.NON_NULL) ArtifactRef embeddingCheckpoint,
    @JsonInclude(JsonInclude.Include.NON_NULL) Origin origin) {
  /**
   * What a fork goes on from.
   *
   * @param experiment name of the experiment that was forked
   * @param iteration the first one of its own
   * @param spec in force before that
   * @param origin of the experiment that was forked, where that is a fork as well; else null
   */
  public record Origin(
      String experiment,
      int iteration,
      ExperimentSpec spec,
      @JsonInclude(JsonInclude.Include.NON_NULL) Origin origin) {}

  /** One that is evaluated with the prompts and models that it is finetuned with. */
  public Experiment(
      String name,
      ExperimentSpec spec,
      ArtifactRef base,
      ArtifactRef trainQuestions,
      ArtifactRef evaluateQuestions,
      ArtifactRef prompts,
      BatchPlan plan,
      Map<String, String> versions) {
    this(
        name,
        spec,
        base,
        trainQuestions,
        evaluateQuestions,
        prompts,
        plan,
        versions,
        null,
        null,
        null,
        null);
  }

  /** The spec in force in an iteration: that of a fork begins with the iteration it forks at. */
  public ExperimentSpec spec(int iteration) {
    ExperimentSpec inForce = spec;
    for (Origin from = origin; from != null && iteration < from.iteration(); from = from.origin()) {
      inForce = from.spec();
    }
    return inForce;
  }

  /**
   * What questions are drawn with: a fork that samples with another seed still has the questions of
   * the experiment that began.
   */
  public long questionSeed() {
    return spec(0).seed();
  }

  /**
   * A fork of this.
   *
   * @param forked its name and settings; its {@link ExperimentSpec#fork} names this
   */
  public Experiment fork(String forkName, ExperimentSpec forked) {
    return new Experiment(
        forkName,
        forked,
        base,
        trainQuestions,
        evaluateQuestions,
        prompts,
        plan,
        versions,
        evaluatePrompts,
        likelihoodCheckpoint,
        embeddingCheckpoint,
        new Origin(name, forked.fork().iteration(), spec, origin));
  }

  /** The templates of a debate for this purpose. */
  public ArtifactRef prompts(Purpose purpose) {
    return purpose == Purpose.EVALUATE && evaluatePrompts != null ? evaluatePrompts : prompts;
  }

  /** The same with another number of iterations, the one thing that may change. */
  public Experiment withIterations(int iterations) {
    return new Experiment(
        name,
        spec.withIterations(iterations),
        base,
        trainQuestions,
        evaluateQuestions,
        prompts,
        plan,
        versions,
        evaluatePrompts,
        likelihoodCheckpoint,
        embeddingCheckpoint,
        origin);
  }

  /**
   * How work is cut into units; part of every step's key, since batches decide rounding.
   *
   * @param questionsPerUnit questions of one debate or evaluation activity
   * @param batchSize rows sampled or scored together
   */
  public record BatchPlan(int questionsPerUnit, int batchSize) {
    public BatchPlan {
      if (questionsPerUnit < 1 || batchSize < 1) {
        throw new IllegalArgumentException(
            "units and batches hold at least 1 question, not "
                + questionsPerUnit
                + ", "
                + batchSize);
      }
    }
  }
}
