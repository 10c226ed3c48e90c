package polyphony.workflows;

/** How answers are drawn: temperature, nucleus mass and the longest answer in tokens. */
public record SamplingSpec(Double temperature, Double topP, Integer maxNewTokens) {}
