package polyphony.workflows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Where a newly asked spec contradicts the one that was recorded under the same name. */
public final class SpecConflicts {
  /**
   * The fields that were asked for and differ from the record; the name and the number of
   * iterations may always differ.
   *
   * @param recorded complete
   * @param asked partial; what it leaves open agrees with anything
   * @return one line each, such as {@code agents is 3 in the recorded experiment, not 5}
   */
  public static List<String> between(ExperimentSpec recorded, ExperimentSpec asked) {
    return between(recorded, asked, List.of("iterations"));
  }

  /**
   * As {@link #between(ExperimentSpec, ExperimentSpec)}, where other fields may differ.
   *
   * @param mayDiffer beside the name
   */
  static List<String> between(
      ExperimentSpec recorded, ExperimentSpec asked, List<String> mayDiffer) {
    List<String> conflicts = new ArrayList<>();
    ObjectNode askedTree = PolyphonyDataConverter.toTree(asked);
    askedTree.remove("experiment");
    askedTree.remove(mayDiffer);
    compare("", speltOut(recorded), askedTree, conflicts);
    return conflicts;
  }

  /**
   * A role's override that repeats what holds for both roles anyway is no conflict, and neither are
   * the operands that arithmetic has anyway, nor that activities are kept where they are.
   */
  private static JsonNode speltOut(ExperimentSpec recorded) {
    ObjectNode tree = PolyphonyDataConverter.toTree(recorded);
    for (String field : List.of("task", "evaluateOn")) {
      if (tree.get(field) instanceof ObjectNode task
          && task.path("name").asText().equals(SpecDefaults.TASK)
          && !task.has("operands")) {
        task.put("operands", SpecDefaults.OPERANDS);
      }
    }
    if (recorded.training() != null) {
      TrainingSpec training = recorded.training();
      ObjectNode both =
          PolyphonyDataConverter.toTree(
              training.withOverrides(
                  training.forRole(Role.GENERATOR), training.forRole(Role.CRITIC)));
      tree.set("training", both);
      for (JsonNode each : List.of(both, both.path("generator"), both.path("critic"))) {
        if (each instanceof ObjectNode object && !object.has("recompute")) {
          object.put("recompute", false);
        }
      }
    }
    return tree;
  }

  private static void compare(
      String path, JsonNode recorded, JsonNode asked, List<String> conflicts) {
    for (Map.Entry<String, JsonNode> field : asked.properties()) {
      String name = path + field.getKey();
      JsonNode before = recorded.path(field.getKey());
      if (field.getValue().isObject()) {
        compare(name + ".", before, field.getValue(), conflicts);
      } else if (!before.equals(field.getValue())) {
        String value = before.isMissingNode() ? "not set" : before.toString();
        conflicts.add(
            name + " is " + value + " in the recorded experiment, not " + field.getValue());
      }
    }
  }

  private SpecConflicts() {}
}
