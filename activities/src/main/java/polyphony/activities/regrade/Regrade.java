package polyphony.activities.regrade;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import polyphony.activities.JsonLines;
import polyphony.activities.compare.RecordedExperiment;
import polyphony.activities.evaluate.Accuracy;
import polyphony.activities.evaluate.LabelPrecision;
import polyphony.activities.regrade.Regrading.Change;
import polyphony.activities.tasks.Question;
import polyphony.activities.vote.Label;
import polyphony.storage.Artifacts;
import polyphony.storage.ErrorClass;
import polyphony.storage.MissingObjectException;
import polyphony.storage.ObjectStore;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.IterationReport;
import polyphony.workflows.Recording;
import polyphony.workflows.Split;
import polyphony.workflows.Vote;

/**
 * Reads and grades the stored answers of a past experiment again, votes again with the same seeds
 * and tie rule, and says what differs from what is recorded. From an iteration's record it finds
 * the votes and the split, and from their manifests the answers.
 */
public final class Regrade {
  private final Artifacts artifacts;
  private final ObjectStore store;
  private final StepRequests requests;

  public Regrade(ObjectStore store, Artifacts artifacts) {
    this.store = store;
    this.artifacts = artifacts;
    this.requests = new StepRequests(store);
  }

  /**
   * Grades every finished iteration again.
   *
   * @param extractor mode in which answers are read; null: the recorded one
   * @param checker mode in which they are compared; null: the recorded one
   * @throws PolyphonyException CONFIG where there is no such experiment or mode; DATA where what is
   *     needed is gone from the store or damaged
   */
  public Regrading of(String experiment, String extractor, String checker) {
    try {
      List<Regrading.Iteration> iterations = new ArrayList<>();
      for (RecordedExperiment.Iteration each :
          RecordedExperiment.read(store, artifacts, experiment).iterations()) {
        iterations.add(iteration(each, extractor, checker));
      }
      return new Regrading(experiment, iterations);
    } catch (MissingObjectException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          "what experiment "
              + experiment
              + " was graded from is no longer whole in the store ("
              + e.key()
              + " was pruned or lost): restore it from a copy of the store, or run the experiment"
              + " again, which computes what is missing, and then grade it again",
          e);
    }
  }

  private Regrading.Iteration iteration(
      RecordedExperiment.Iteration iteration, String extractor, String checker) {
    IterationReport report = iteration.record().report();
    Recording.Request recorded = iteration.record().request();
    Vote.Request vote = requests.of(recorded.evaluation().step(), Vote.Request.class);
    Grading grading = Grading.of(vote.task(), extractor, checker);
    List<Question> questions =
        JsonLines.read(artifacts.bytes(recorded.experiment().evaluateQuestions()), Question.class);
    List<Label> after = grading.labels(vote, artifacts);
    List<Label> before = labels(recorded.evaluation(), after);
    requireSame(
        after.stream().map(Label::question).toList(),
        questions.stream().map(Question::id).toList());
    List<Boolean> correct = new ArrayList<>();
    List<Regrading.Verdict> verdicts = new ArrayList<>();
    for (int i = 0; i < questions.size(); i++) {
      String voted = after.get(i).label();
      boolean was = iteration.correct().get(i);
      boolean is = voted != null && grading.grader().equivalent(voted, questions.get(i).answer());
      correct.add(is);
      if (is != was) {
        verdicts.add(
            new Regrading.Verdict(
                questions.get(i).id(), was, is, new Change<>(before.get(i).label(), voted)));
      }
    }
    Accuracy accuracy = Accuracy.of(correct);
    return new Regrading.Iteration(
        report.iteration(),
        grading.names(),
        questions.size(),
        new Change<>(report.accuracy(), accuracy.share()),
        new Change<>(report.standardError(), accuracy.standardError()),
        new Change<>(
            report.consensus(), after.stream().mapToDouble(Label::share).average().orElseThrow()),
        verdicts,
        recorded.labels() == null ? null : finetuning(recorded, report, extractor, checker));
  }

  private Regrading.Finetuning finetuning(
      Recording.Request recorded, IterationReport report, String extractor, String checker) {
    Vote.Request vote = requests.of(recorded.labels().step(), Vote.Request.class);
    Grading grading = Grading.of(vote.task(), extractor, checker);
    List<Question> questions =
        JsonLines.read(artifacts.bytes(recorded.finetunedOn()), Question.class);
    List<Label> after = grading.labels(vote, artifacts);
    List<Label> before = labels(recorded.labels(), after);
    List<Regrading.Label> changed = new ArrayList<>();
    for (int i = 0; i < after.size(); i++) {
      if (!grading.same(before.get(i).label(), after.get(i).label())) {
        changed.add(
            new Regrading.Label(
                after.get(i).question(), before.get(i).label(), after.get(i).label()));
      }
    }
    LabelPrecision precision = LabelPrecision.of(after, questions, grading.grader());
    return new Regrading.Finetuning(
        grading.names(),
        new Change<>(recorded.labels().labelled(), precision.labelled()),
        new Change<>(report.labelPrecision(), precision.share()),
        changed,
        recorded.split() == null
            ? List.of()
            : sets(recorded.split(), vote, before, after, grading));
  }

  private List<Regrading.AgentSet> sets(
      Split.Result recorded,
      Vote.Request vote,
      List<Label> before,
      List<Label> after,
      Grading grading) {
    SetChanges changes =
        new SetChanges(
            requests.of(recorded.step(), Split.Request.class), vote.truth() != null, artifacts);
    return changes.between(
        changes.sets(before, grading.before(), UnaryOperator.identity()),
        changes.sets(after, grading.grader(), grading.reading()));
  }

  /** The recorded votes, of which these are the same ones anew. */
  private List<Label> labels(Vote.Result recorded, List<Label> anew) {
    List<Label> labels = JsonLines.read(artifacts.bytes(recorded.votes()), Label.class);
    requireSame(
        labels.stream().map(Label::question).toList(), anew.stream().map(Label::question).toList());
    return labels;
  }

  private static void requireSame(List<String> questions, List<String> others) {
    if (!questions.equals(others)) {
      throw PolyphonyException.data(
          "votes, answers and questions of an iteration do not belong together: polyphony audit"
              + " says what to do");
    }
  }
}
