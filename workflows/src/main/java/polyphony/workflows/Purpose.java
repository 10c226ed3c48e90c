package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What questions are debated for. Part of every seed, so that the two never share randomness. */
public enum Purpose {
  @JsonProperty("finetune")
  FINETUNE,
  @JsonProperty("evaluate")
  EVALUATE
}
