package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;

/** The part that a finetuned model plays. */
public enum Role {
  @JsonProperty("generator")
  GENERATOR,
  @JsonProperty("critic")
  CRITIC;

  /**
   * What people call the model that plays it, such as {@code generator-1}.
   *
   * @param agent from 1
   */
  public String model(int agent) {
    return name().toLowerCase(Locale.ROOT) + "-" + agent;
  }
}
