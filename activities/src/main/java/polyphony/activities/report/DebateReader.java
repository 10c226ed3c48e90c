package polyphony.activities.report;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.ModelStep;
import polyphony.activities.debate.Answer;
import polyphony.activities.debate.DebateStep;
import polyphony.activities.evaluate.EvaluateStep;
import polyphony.activities.evaluate.IterationRecord;
import polyphony.activities.evaluate.Measurement;
import polyphony.activities.regrade.StepRequests;
import polyphony.activities.tasks.Question;
import polyphony.activities.vote.Label;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.StepManifest;
import polyphony.workflows.Debate;
import polyphony.workflows.Evaluate;
import polyphony.workflows.Recording;

/**
 * Chooses evaluation questions whose debates show something, the same ones every time, and reads
 * them. Answers are read one artifact after the other.
 */
final class DebateReader {
  private static final int OF_A_KIND = 2;

  private final Artifacts artifacts;
  private final UsedSteps steps;
  private final Notes notes;
  private final Map<String, Optional<String>> weights = new HashMap<>();

  DebateReader(Artifacts artifacts, UsedSteps steps, Notes notes) {
    this.artifacts = artifacts;
    this.steps = steps;
    this.notes = notes;
  }

  ExperimentReport.Debates read(IterationRecord record, List<Measurement> measurements) {
    Map<DebateKind, Integer> counts = new EnumMap<>(DebateKind.class);
    for (DebateKind kind : DebateKind.values()) {
      counts.put(kind, 0);
    }
    measurements.forEach(each -> counts.merge(DebateKind.of(each), 1, Integer::sum));
    NavigableMap<Integer, Measurement> chosen = chosen(measurements);
    Recording.Request request = record.request();
    List<Question> questions =
        notes
            .reading(
                "the evaluation questions",
                () ->
                    JsonLines.read(
                        artifacts.bytes(request.experiment().evaluateQuestions()), Question.class))
            .orElse(List.of());
    Map<Integer, Label> labels = new HashMap<>();
    notes
        .reading(
            "the votes on the evaluation questions",
            () -> JsonLines.read(artifacts.bytes(request.evaluation().votes()), Label.class))
        .orElse(List.of())
        .forEach(label -> labels.put(label.index(), label));
    Map<Integer, List<ExperimentReport.Turn>> turns = turns(request, chosen);
    List<ExperimentReport.Debate> shown = new ArrayList<>();
    for (Measurement each : chosen.values()) {
      Question question = each.index() < questions.size() ? questions.get(each.index()) : null;
      Label label = labels.get(each.index());
      shown.add(
          new ExperimentReport.Debate(
              DebateKind.of(each),
              each.index() + 1,
              each.question(),
              question == null ? null : question.text(),
              question == null ? null : question.answer(),
              each.label(),
              label == null ? 0 : label.agreeing(),
              each.lastRoundCorrect().size(),
              label != null && label.tied(),
              request.evaluation().step() == null ? null : request.evaluation().step().key(),
              turns.getOrDefault(each.index(), List.of())));
    }
    shown.sort(Comparator.comparing(ExperimentReport.Debate::kind)); // stable
    return new ExperimentReport.Debates(record.report().iteration(), counts, List.copyOf(shown));
  }

  /** Of every kind those in which there is most to see, the first ones of equals. */
  static NavigableMap<Integer, Measurement> chosen(List<Measurement> measurements) {
    NavigableMap<Integer, Measurement> chosen = new TreeMap<>();
    for (DebateKind kind : DebateKind.values()) {
      measurements.stream()
          .filter(each -> DebateKind.of(each) == kind)
          .sorted(
              Comparator.comparingDouble(kind::interest)
                  .reversed()
                  .thenComparingInt(Measurement::index))
          .limit(OF_A_KIND)
          .forEach(each -> chosen.put(each.index(), each));
    }
    return chosen;
  }

  private Map<Integer, List<ExperimentReport.Turn>> turns(
      Recording.Request request, NavigableMap<Integer, Measurement> chosen) {
    Map<Integer, List<ExperimentReport.Turn>> turns = new HashMap<>();
    for (ArtifactRef range : request.measurements()) {
      Optional<StepManifest> evaluation =
          steps.maker(EvaluateStep.NAME, range, Map.of("iteration", request.iteration()));
      if (evaluation.isEmpty()) {
        notes.add(
            "debates of the questions in "
                + range.sha256()
                + " could not be read: the manifest of the step that measured them is missing");
        continue;
      }
      Evaluate.Request asked =
          notes
              .reading("debates", () -> StepRequests.of(evaluation.get(), Evaluate.Request.class))
              .orElse(null);
      if (asked == null || chosen.subMap(asked.from(), asked.to()).isEmpty()) {
        continue;
      }
      List<List<ArtifactRef>> rounds = asked.answers();
      for (int round = 1; round <= rounds.size(); round++) {
        List<ArtifactRef> agents = rounds.get(round - 1);
        for (int agent = 0; agent < agents.size(); agent++) {
          read(
              agents.get(agent),
              speaker(agents.get(agent), request.iteration(), round, agent),
              rounds.size(),
              chosen,
              turns);
        }
      }
    }
    return turns;
  }

  /** Who gave these answers, in a step of its own or in one with all agents. */
  private Optional<ArtifactRef> speaker(ArtifactRef answers, int iteration, int round, int agent) {
    Map<String, Integer> inputs = Map.of("iteration", iteration, "round", round);
    Map<String, Integer> own = new HashMap<>(inputs);
    own.put("agent", agent);
    return steps
        .maker(DebateStep.NAME, answers, own)
        .flatMap(step -> asked(step, ModelStep.DEBATE.request()))
        .or(
            () ->
                steps
                    .maker(DebateStep.ROUND, answers, inputs)
                    .flatMap(step -> asked(step, ModelStep.DEBATE_ROUND.request()))
                    .map(asked -> asked.turns().get(agent)))
        .map(Debate.Request::speaker);
  }

  private <T> Optional<T> asked(StepManifest step, Class<T> type) {
    return notes.reading("what a debate was asked", () -> StepRequests.of(step, type));
  }

  private void read(
      ArtifactRef artifact,
      Optional<ArtifactRef> speaker,
      int rounds,
      Map<Integer, Measurement> chosen,
      Map<Integer, List<ExperimentReport.Turn>> turns) {
    List<Answer> answers =
        notes
            .reading(
                "answers in debates", () -> JsonLines.read(artifacts.bytes(artifact), Answer.class))
            .orElse(List.of());
    for (int i = 0; i < answers.size(); i++) {
      Answer answer = answers.get(i);
      Measurement measured = chosen.get(answer.index());
      if (measured != null) {
        turns
            .computeIfAbsent(answer.index(), each -> new ArrayList<>())
            .add(
                new ExperimentReport.Turn(
                    answer.round(),
                    answer.agent() + 1,
                    speaker.flatMap(this::weights).orElse(null),
                    answer.messages().get(answer.messages().size() - 2),
                    answer.text(),
                    answer.answer(),
                    right(answer, rounds, measured),
                    answer.ended(),
                    artifact.sha256(),
                    i + 1));
      }
    }
  }

  private static Boolean right(Answer answer, int rounds, Measurement measured) {
    return answer.round() == rounds
        ? measured.lastRoundCorrect().get(answer.agent())
        : answer.round() == 1 ? measured.firstRoundCorrect().get(answer.agent()) : null;
  }

  private Optional<String> weights(ArtifactRef speaker) {
    return weights.computeIfAbsent(
        speaker.sha256(),
        each ->
            notes
                .reading("the checkpoint of a speaker", () -> files(speaker))
                .flatMap(Checkpoints::weightsSha256));
  }

  private List<ArtifactRef> files(ArtifactRef checkpoint) {
    try {
      return List.copyOf(References.in(artifacts.bytes(checkpoint)));
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA, "artifact " + checkpoint.sha256() + " is not a checkpoint", e);
    }
  }
}
