package polyphony.workflows;

/** How answers are drawn: temperature, nucleus mass and the longest answer in tokens. */
public record SamplingSpec(Double temperature, Double topP, Integer maxNewTokens) {
  /** This, with its open fields taken from another. */
  SamplingSpec or(SamplingSpec other) {
    return new SamplingSpec(
        temperature != null ? temperature : other.temperature,
        topP != null ? topP : other.topP,
        maxNewTokens != null ? maxNewTokens : other.maxNewTokens);
  }

  SamplingSpec withTemperature(Double other) {
    return new SamplingSpec(other, topP, maxNewTokens);
  }
}
