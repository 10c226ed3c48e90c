package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * What heartbeats and failures of steps say about their progress, among other things: an attempt
 * that committed something was not in vain.
 *
 * @param commits how many commits this attempt has made
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record CommitCount(long commits) {}
