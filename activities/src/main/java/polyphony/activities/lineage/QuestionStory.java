package polyphony.activities.lineage;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import polyphony.activities.Checkpoints;
import polyphony.activities.JsonLines;
import polyphony.activities.debate.Answer;
import polyphony.activities.vote.Label;
import polyphony.activities.vote.VoteStep;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.StepManifest;
import polyphony.storage.audit.StoreGraph;

/**
 * How one question was voted on: every answer that led there, and the weights that wrote it.
 *
 * @param question its id
 * @param vote key of the vote
 * @param votes SHA-256 of its outcome
 * @param label what the vote came to; null where to nothing
 * @param agreeing agents that voted for it
 * @param said what was said, by round, then by agent
 */
public record QuestionStory(
    String question, String vote, String votes, String label, int agreeing, List<Said> said) {

  /**
   * One answer.
   *
   * @param agent from 1
   * @param answer what was read from it; null where nothing could be
   * @param text all of it
   * @param summary what the agent was told of the others before; null where nothing was
   * @param answers SHA-256 of the artifact it stands in
   * @param line of it, from 1
   * @param debate key of the step that sampled it
   * @param weights SHA-256 of the weights that wrote it
   */
  public record Said(
      int round,
      int agent,
      String answer,
      String text,
      String summary,
      String answers,
      int line,
      String debate,
      String weights) {}

  /**
   * Tells it.
   *
   * @param start the outcome of a vote, or what rests on one (an iteration's accuracy)
   * @param question id, or position in its set, from 1
   * @throws PolyphonyException CONFIG where nobody voted on such a question
   */
  public static QuestionStory of(
      Start start, String question, Artifacts artifacts, StoreGraph graph, Lineage lineage) {
    StepManifest vote = vote(start, graph, lineage);
    ArtifactRef votes = References.in(vote.result()).iterator().next();
    Label label =
        JsonLines.read(artifacts.bytes(votes), Label.class).stream()
            .filter(each -> isMeant(each, question))
            .findFirst()
            .orElseThrow(
                () ->
                    PolyphonyException.config(
                        "that vote is not about a question \""
                            + question
                            + "\"; give its id, or its position from 1"));
    List<Said> said = new ArrayList<>();
    for (ArtifactRef range : References.in(vote.inputs().path("answers"))) {
      collect(range, label.question(), said, artifacts, graph, lineage);
    }
    said.sort(Comparator.comparingInt(Said::round).thenComparingInt(Said::agent));
    return new QuestionStory(
        label.question(),
        vote.key(),
        votes.sha256(),
        label.label(),
        label.agreeing(),
        said.stream().distinct().toList());
  }

  private static boolean isMeant(Label label, String question) {
    return label.question().equals(question)
        || Integer.toString(label.index() + 1).equals(question);
  }

  private static StepManifest vote(Start start, StoreGraph graph, Lineage lineage) {
    Optional<StepManifest> found =
        start.step() == null
            ? lineage.maker(start.object(), null)
            : start.step().inputs().has("evaluation")
                ? graph.manifest(
                    start.step().inputs().path("evaluation").path("step").path("key").asText())
                : Optional.of(start.step());
    return found
        .filter(step -> step.name().equals(VoteStep.NAME))
        .orElseThrow(
            () ->
                PolyphonyException.config(
                    "a question belongs to a vote: name an iteration, its labels, or a vote's"
                        + " outcome"));
  }

  /** One agent's answer of one round, and those of the rounds before, of the same agent. */
  private static void collect(
      ArtifactRef range,
      String question,
      List<Said> said,
      Artifacts artifacts,
      StoreGraph graph,
      Lineage lineage) {
    List<Answer> lines = JsonLines.read(artifacts.bytes(range), Answer.class);
    for (int i = 0; i < lines.size(); i++) {
      Answer answer = lines.get(i);
      if (!answer.question().equals(question)) {
        continue;
      }
      Optional<StepManifest> debate = lineage.maker(range, null);
      said.add(
          new Said(
              answer.round(),
              answer.agent() + 1,
              answer.answer(),
              answer.text(),
              answer.summary(),
              range.sha256(),
              i + 1,
              debate.map(StepManifest::key).orElse(null),
              debate.flatMap(step -> weights(turn(step, answer), graph)).orElse(null)));
      debate.ifPresent(
          step -> {
            List<ArtifactRef> previous =
                List.copyOf(References.byPath(turn(step, answer).path("previous")).values());
            if (answer.agent() < previous.size()) {
              collect(previous.get(answer.agent()), question, said, artifacts, graph, lineage);
            }
          });
    }
  }

  /** What was asked of who gave an answer: of them alone, or of all agents in one step. */
  private static JsonNode turn(StepManifest debate, Answer answer) {
    JsonNode inputs = debate.inputs();
    return inputs.has("turns") ? inputs.path("turns").path(answer.agent()) : inputs;
  }

  private static Optional<String> weights(JsonNode turn, StoreGraph graph) {
    return References.in(turn.path("speaker")).stream()
        .flatMap(speaker -> Checkpoints.weightsSha256(graph.parts(speaker)).stream())
        .findFirst();
  }
}
