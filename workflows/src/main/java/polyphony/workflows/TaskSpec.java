package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonCreator;

/**
 * Which questions. In JSON either the name alone or an object.
 *
 * @param name such as {@code arithmetic}
 * @param train how many questions to finetune on
 * @param evaluate how many other questions to evaluate on
 */
public record TaskSpec(String name, Integer train, Integer evaluate) {
  @JsonCreator
  static TaskSpec named(String name) {
    return new TaskSpec(name, null, null);
  }
}
