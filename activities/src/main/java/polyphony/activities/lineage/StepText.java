package polyphony.activities.lineage;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import polyphony.storage.StepManifest;

/** Steps in words. */
public final class StepText {
  private StepText() {}

  /** Such as {@code debate of iteration 1, round 2, agent 3, questions 1-250, to finetune}. */
  public static String title(StepManifest step) {
    StringBuilder text = new StringBuilder(step.name());
    JsonNode inputs = step.inputs();
    if (inputs.has("iteration")) {
      text.append(" of iteration ").append(inputs.path("iteration").asInt());
    }
    if (inputs.has("round")) {
      text.append(", round ").append(inputs.path("round").asInt());
    }
    if (inputs.has("agent")) {
      text.append(", agent ").append(inputs.path("agent").asInt() + 1);
    }
    if (inputs.has("turns")) {
      text.append(", ").append(inputs.path("turns").size()).append(" agents");
    }
    if (inputs.has("from") && inputs.has("to")) {
      text.append(", questions ")
          .append(inputs.path("from").asInt() + 1)
          .append('-')
          .append(inputs.path("to").asInt());
    }
    if (inputs.has("purpose")) {
      text.append(", to ").append(inputs.path("purpose").asText());
    }
    return text.toString();
  }

  /** That its batches did not fit into memory, where that is so. */
  public static Optional<String> halved(StepManifest step) {
    int times = step.usage().getOrDefault(StepManifest.HALVED_BATCHES, 0.0).intValue();
    return times == 0
        ? Optional.empty()
        : Optional.of(
            "batches halved " + (times == 1 ? "once" : times + " times") + " to fit into memory");
  }

  /** What it came to, who did it and when, each in a few words. */
  static List<String> facts(StepManifest step) {
    List<String> facts = new ArrayList<>();
    JsonNode result = step.result();
    switch (step.name()) {
      case "debate" ->
          facts.add(
              result.path("parsed").asInt() + " read, " + result.path("cut").asInt() + " cut");
      case "debate-round" ->
          facts.add(
              sum(result.path("turns"), "parsed")
                  + " read, "
                  + sum(result.path("turns"), "cut")
                  + " cut");
      case "vote" ->
          facts.add(
              result.path("labelled").asInt()
                  + " of "
                  + result.path("questions").asInt()
                  + " labelled, "
                  + result.path("ties").asInt()
                  + " tied");
      case "split" -> result.path("sets").forEach(set -> facts.add(set(set)));
      case "train-generator", "train-critic" -> {
        facts.add(
            String.format(
                Locale.ROOT,
                "%d steps, loss %.3f to %.3f",
                result.path("steps").asInt(),
                result.path("firstLoss").asDouble(),
                result.path("lastLoss").asDouble()));
        JsonNode training = step.inputs().path("training");
        if (training.path("tuning").asText().equals("lora")) {
          facts.add("LoRA of rank " + training.path("rank").asInt());
        }
      }
      case "record" ->
          facts.add(
              String.format(
                  Locale.ROOT,
                  "accuracy %.3f ± %.3f",
                  result.path("accuracy").asDouble(),
                  result.path("standardError").asDouble()));
      default -> {
        // Its inputs say it all.
      }
    }
    halved(step).ifPresent(facts::add);
    facts.add(step.worker().device() + "@" + step.worker().host());
    facts.add(step.finished().replaceFirst("\\.\\d+Z$", "Z"));
    facts.add(String.format(Locale.ROOT, "%.1f s", step.wallSeconds()));
    return facts;
  }

  private static int sum(JsonNode turns, String field) {
    int sum = 0;
    for (JsonNode turn : turns) {
      sum += turn.path(field).asInt();
    }
    return sum;
  }

  private static String set(JsonNode set) {
    return set.path("role").asText().toLowerCase(Locale.ROOT)
        + " "
        + (set.path("agent").asInt() + 1)
        + ": "
        + set.path("count").asInt()
        + " examples";
  }
}
