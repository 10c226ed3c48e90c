package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonProperty;

/** The part that a finetuned model plays. */
public enum Role {
  @JsonProperty("generator")
  GENERATOR,
  @JsonProperty("critic")
  CRITIC
}
