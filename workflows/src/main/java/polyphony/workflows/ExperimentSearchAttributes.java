package polyphony.workflows;

import io.temporal.common.SearchAttributeKey;
import io.temporal.common.SearchAttributes;
import io.temporal.workflow.Workflow;
import java.util.List;

/**
 * What experiments and their iterations can be found by. A server must know all of these before the
 * first experiment starts: a workflow that names one which it does not know makes no progress.
 */
public final class ExperimentSearchAttributes {
  public static final SearchAttributeKey<String> EXPERIMENT =
      SearchAttributeKey.forKeyword("PolyphonyExperiment");
  public static final SearchAttributeKey<String> METHOD =
      SearchAttributeKey.forKeyword("PolyphonyMethod");
  public static final SearchAttributeKey<String> TASK =
      SearchAttributeKey.forKeyword("PolyphonyTask");
  public static final SearchAttributeKey<String> BASE_MODEL =
      SearchAttributeKey.forKeyword("PolyphonyBaseModel");

  /** The current one; on an iteration, its own. */
  public static final SearchAttributeKey<Long> ITERATION =
      SearchAttributeKey.forLong("PolyphonyIteration");

  /** As {@link Progress#phase}. */
  public static final SearchAttributeKey<String> PHASE =
      SearchAttributeKey.forKeyword("PolyphonyPhase");

  /** The latest. */
  public static final SearchAttributeKey<Double> ACCURACY =
      SearchAttributeKey.forDouble("PolyphonyAccuracy");

  /** The latest 1 - consensus. */
  public static final SearchAttributeKey<Double> DIVERSITY =
      SearchAttributeKey.forDouble("PolyphonyDiversity");

  /** All of them, with their types. */
  public static final List<SearchAttributeKey<?>> ALL =
      List.of(EXPERIMENT, METHOD, TASK, BASE_MODEL, ITERATION, PHASE, ACCURACY, DIVERSITY);

  /** What an iteration has in common with its experiment. */
  static SearchAttributes of(Experiment experiment, int iteration) {
    return SearchAttributes.newBuilder()
        .set(EXPERIMENT, experiment.name())
        .set(METHOD, experiment.spec().method())
        .set(TASK, experiment.spec().task().name())
        .set(BASE_MODEL, experiment.spec().baseModel())
        .set(ITERATION, (long) iteration)
        .build();
  }

  /** Makes the current workflow findable by an experiment. */
  static void upsert(Experiment experiment) {
    Workflow.upsertTypedSearchAttributes(
        EXPERIMENT.valueSet(experiment.name()),
        METHOD.valueSet(experiment.spec().method()),
        TASK.valueSet(experiment.spec().task().name()),
        BASE_MODEL.valueSet(experiment.spec().baseModel()));
  }

  /** Makes the current workflow findable by its latest results. */
  static void upsert(IterationReport report) {
    Workflow.upsertTypedSearchAttributes(
        ACCURACY.valueSet(report.accuracy()), DIVERSITY.valueSet(1 - report.consensus()));
  }

  private ExperimentSearchAttributes() {}
}
