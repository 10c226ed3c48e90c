package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonCreator;

/**
 * Which questions. In JSON either the name alone or an object.
 *
 * @param name such as {@code arithmetic}
 * @param train how many questions to finetune on
 * @param evaluate how many other questions to evaluate on
 * @param evaluateSplit the split that those are drawn from: {@code evaluate}, or {@code validate}
 *     while settings are being chosen
 */
public record TaskSpec(String name, Integer train, Integer evaluate, String evaluateSplit) {
  @JsonCreator
  static TaskSpec named(String name) {
    return new TaskSpec(name, null, null, null);
  }
}
