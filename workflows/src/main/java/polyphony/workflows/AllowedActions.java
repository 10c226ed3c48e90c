package polyphony.workflows;

import io.temporal.failure.ApplicationFailure;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Which updates an operator may send now, and why not the others. */
final class AllowedActions {
  private final List<String> allowed = new ArrayList<>();
  private final Map<String, String> refused = new TreeMap<>();

  /** An action that is allowed where {@code condition} holds. */
  AllowedActions allow(String action, boolean condition, String otherwise) {
    if (condition) {
      allowed.add(action);
    } else {
      refused.put(action, otherwise);
    }
    return this;
  }

  /**
   * @throws ApplicationFailure CONFIG, saying why not and what is allowed instead
   */
  void check(String action) {
    if (!allowed.contains(action)) {
      throw refusal(action, refused.get(action));
    }
  }

  /**
   * As {@link #check}, for what is done to parked steps.
   *
   * @param step name of one of them; null or blank for all
   */
  void check(String action, String step, List<ParkedStep> parked) {
    check(action);
    List<ParkedStep> meant = parked.stream().filter(each -> isMeant(each, step)).toList();
    if (meant.isEmpty()) {
      throw refusal(
          action,
          "no step that needs attention is called \""
              + step
              + "\", only "
              + parked.stream()
                  .map(each -> '"' + each.step() + '"')
                  .collect(Collectors.joining(", ")));
    }
    if (action.equals(OperatorActions.SKIP)) {
      for (ParkedStep each : meant) {
        if (!each.canBeSkipped()) {
          throw refusal(
              action,
              "\""
                  + each.step()
                  + "\" cannot be skipped, only a training or a debate on finetuning questions can:"
                  + " mend what it says and retry");
        }
      }
    }
  }

  /** Whether a parked step is one of those that an operator named. */
  static boolean isMeant(ParkedStep parked, String step) {
    return step == null || step.isBlank() || step.equals(parked.step());
  }

  /** What an update is rejected with. */
  ApplicationFailure refusal(String action, String why) {
    return FailureTypes.config(
        action + " is refused: " + why + "; allowed now: " + String.join(", ", allowed));
  }
}
