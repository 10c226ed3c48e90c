package polyphony.activities.lineage;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import polyphony.activities.JsonLines;
import polyphony.activities.debate.Answer;
import polyphony.activities.split.Example;
import polyphony.storage.ArtifactRef;
import polyphony.storage.Artifacts;
import polyphony.storage.PolyphonyException;
import polyphony.storage.References;
import polyphony.storage.StepManifest;

/** Every example that shaped a model, from its last training back to the base model. */
public final class ShapingExamples {
  private final Artifacts artifacts;
  private final Lineage lineage;

  /**
   * One example.
   *
   * @param iteration in which it was trained on
   * @param training key of the training step
   * @param examples SHA-256 of the training set
   * @param line of it, from 1
   * @param question id
   * @param kind as {@link Example#kind}
   * @param agent who gave the answer, from 1; null where it is not found
   * @param round of the answer, from 1
   * @param answer what the answer came to
   * @param answers SHA-256 of the answers artifact that it comes from
   * @param answerLine of it, from 1
   */
  public record Shaping(
      int iteration,
      String training,
      String examples,
      int line,
      String question,
      String kind,
      Integer agent,
      Integer round,
      String answer,
      String answers,
      Integer answerLine) {}

  private record Origin(Answer answer, ArtifactRef artifact, int line) {}

  public ShapingExamples(Artifacts artifacts, Lineage lineage) {
    this.artifacts = artifacts;
    this.lineage = lineage;
  }

  /**
   * The examples of all trainings, the first training first.
   *
   * @param start a checkpoint, its weights, or a training step
   * @throws PolyphonyException CONFIG where it is none of these
   */
  public List<Shaping> of(Start start) {
    Optional<StepManifest> training =
        start.step() == null ? lineage.maker(start.object(), null) : Optional.of(start.step());
    if (training.isEmpty() && start.object().mediaType().contains("checkpoint")) {
      return List.of();
    }
    if (training.isEmpty() || !isTraining(training.get())) {
      throw PolyphonyException.config(
          "examples shape weights: name a checkpoint, such as EXPERIMENT/iteration-001/generator-1,"
              + " the SHA-256 of weights, or the key of a training");
    }
    List<Shaping> examples = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    while (training.isPresent() && isTraining(training.get()) && seen.add(training.get().key())) {
      examples.addAll(0, examples(training.get()));
      ArtifactRef before = reference(training.get(), "start");
      training = lineage.maker(before, training.get());
    }
    return List.copyOf(examples);
  }

  private static boolean isTraining(StepManifest step) {
    return step.name().startsWith("train-");
  }

  private List<Shaping> examples(StepManifest training) {
    ArtifactRef set = reference(training, "examples");
    List<Example> lines = JsonLines.read(artifacts.bytes(set), Example.class);
    Map<String, Origin> origins = lineage.maker(set, training).map(this::origins).orElse(Map.of());
    List<Shaping> examples = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      Example example = lines.get(i);
      Origin origin = origins.get(identity(example.question(), example.tokens()));
      examples.add(
          new Shaping(
              training.inputs().path("iteration").asInt(),
              training.key(),
              set.sha256(),
              i + 1,
              example.question(),
              example.kind(),
              origin == null ? null : origin.answer().agent() + 1,
              origin == null ? null : origin.answer().round(),
              origin == null ? null : origin.answer().answer(),
              origin == null ? null : origin.artifact().sha256(),
              origin == null ? null : origin.line()));
    }
    return examples;
  }

  /** The answers that a split was given, by what makes an example of them. */
  private Map<String, Origin> origins(StepManifest split) {
    Map<String, Origin> origins = new HashMap<>();
    JsonNode answers = split.inputs().path("answers");
    for (ArtifactRef range : References.in(answers)) {
      List<Answer> lines = JsonLines.read(artifacts.bytes(range), Answer.class);
      for (int i = 0; i < lines.size(); i++) {
        Answer answer = lines.get(i);
        // Agents may say the very same: the first of them stands for all.
        origins.putIfAbsent(
            identity(answer.question(), answer.tokens()), new Origin(answer, range, i + 1));
      }
    }
    return origins;
  }

  private static String identity(String question, int[] tokens) {
    return question + " " + Arrays.toString(tokens);
  }

  private static ArtifactRef reference(StepManifest step, String field) {
    return References.in(step.inputs().path(field)).stream()
        .findFirst()
        .orElseThrow(
            () -> PolyphonyException.data("step " + step.key() + " was given no " + field));
  }
}
