package polyphony.activities.report;

import java.util.List;
import java.util.Map;
import polyphony.storage.ArtifactRef;
import polyphony.workflows.Experiment;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Role;

/**
 * All that the report of an experiment shows.
 *
 * @param experiment null where its record cannot be read
 * @param iterations that are finished, ascending
 * @param changes from the untuned society to the last iteration
 * @param debates null where none can be read
 * @param works steps by the workflow in whose course they were needed
 * @param unfinished steps that were begun and of which the store has no result
 * @param notes what is missing from this report, and why
 */
public record ExperimentReport(
    String name,
    Experiment experiment,
    List<Iteration> iterations,
    List<Change> changes,
    Debates debates,
    List<Work> works,
    int unfinished,
    List<Machine> machines,
    List<String> notes) {
  public ExperimentReport {
    iterations = List.copyOf(iterations);
    changes = List.copyOf(changes);
    works = List.copyOf(works);
    machines = List.copyOf(machines);
    notes = List.copyOf(notes);
  }

  /**
   * A finished iteration.
   *
   * @param estimates of all measures
   * @param labelPrecision null where nothing was labelled
   * @param flows by agent; empty where nothing was trained
   * @param skipped what an operator did without
   */
  public record Iteration(
      IterationReport report,
      Map<Measure, Estimate> estimates,
      Estimate labelPrecision,
      List<Flow> flows,
      List<Training> trainings,
      List<String> skipped) {
    /** Of one measure. */
    Estimate estimate(Measure measure) {
      return estimates.get(measure);
    }
  }

  /**
   * @param value null where it does not apply
   * @param standardError null where it is not known
   */
  public record Estimate(Double value, Double standardError) {}

  /**
   * How a measure of the last iteration differs from that of the untuned society, on the same
   * questions.
   *
   * @param low lower end of the 95 % interval
   * @param high its upper end
   */
  public record Change(
      Measure measure,
      double before,
      double after,
      double difference,
      double standardError,
      double low,
      double high) {
    /** Whether the interval leaves open in which direction it changed. */
    boolean undecided() {
      return low <= 0 && high >= 0;
    }
  }

  /**
   * Where one agent's answers to finetuning questions went. The label stands for the truth here:
   * right and wrong are what the vote says.
   *
   * @param agent from 1
   * @param answered questions
   * @param unlabelled of these, without a label
   * @param generator D^G: right at first
   * @param corrected D^C-: wrong at first, right at last
   * @param confirmed D^C+: right at first and at last
   * @param lost right at first, wrong at last
   * @param wrong at first and at last
   * @param cut of those in G, or in one of the critic's sets, left out since they were cut at the
   *     token limit
   * @param generatorExamples that its generator was trained on
   * @param criticCorrected examples of its critic from D^C-
   * @param criticConfirmed examples of its critic from D^C+
   * @param criticExamples that its critic was trained on
   * @param notes anything out of the ordinary
   */
  public record Flow(
      int agent,
      int answered,
      int unlabelled,
      int generator,
      int corrected,
      int confirmed,
      int lost,
      int wrong,
      int cut,
      int generatorExamples,
      int criticCorrected,
      int criticConfirmed,
      int criticExamples,
      String notes) {}

  /**
   * One model's training.
   *
   * @param agent from 1
   * @param losses at most some hundred, each the mean of as many steps; empty where the curve
   *     cannot be read
   */
  public record Training(
      Role role,
      int agent,
      String key,
      ArtifactRef checkpoint,
      String weights,
      ArtifactRef curve,
      int steps,
      long tokens,
      double firstLoss,
      double lastLoss,
      List<Loss> losses) {
    /** As in {@link IterationReport#weights}. */
    String model() {
      return role.model(agent);
    }
  }

  /** Mean loss in nats per token around an optimizer step, counted from 1. */
  public record Loss(double step, double loss) {}

  /**
   * Some debates on evaluation questions.
   *
   * @param counts how many questions are of each kind
   * @param shown ordered by kind
   */
  public record Debates(int iteration, Map<DebateKind, Integer> counts, List<Debate> shown) {}

  /**
   * A question's debate.
   *
   * @param number of the question in its set, from 1
   * @param text what was asked; null where the questions cannot be read
   * @param truth the true answer; null likewise
   * @param label the voted answer; null where there is none
   * @param agreeing agents that voted for it
   * @param vote key of the vote
   * @param turns by round, then by agent; only those that can be read
   */
  public record Debate(
      DebateKind kind,
      int number,
      String question,
      String text,
      String truth,
      String label,
      int agreeing,
      int agents,
      boolean tied,
      String vote,
      List<Turn> turns) {}

  /**
   * One answer.
   *
   * @param agent from 1
   * @param weights SHA-256 of the weights that spoke; null where it is not known
   * @param asked the message that it answers, with all that the agent read of the others
   * @param answer what was read from it; null where nothing could be
   * @param right whether that is the true answer; null where that was not recorded
   * @param ended false where it was cut at the token limit
   * @param answers SHA-256 of the artifact it stands in
   * @param line of it, from 1
   */
  public record Turn(
      int round,
      int agent,
      String weights,
      String asked,
      String text,
      String answer,
      Boolean right,
      boolean ended,
      String answers,
      int line) {}

  /**
   * @param workflow such as {@code mine/iteration-001}
   */
  public record Work(String workflow, List<DoneStep> steps) {}

  /**
   * A finished step.
   *
   * @param device whether it needs the device
   * @param usage amounts, as in its manifest
   * @param made the artifacts that its result names
   * @param stored all that it put into the store
   */
  public record DoneStep(
      String name,
      String title,
      String key,
      String started,
      String finished,
      double seconds,
      boolean device,
      Map<String, Double> usage,
      String worker,
      List<ArtifactRef> made,
      List<ArtifactRef> stored) {}

  /** Where steps were computed, and how many. */
  public record Machine(String host, String device, Map<String, String> versions, int steps) {}
}
